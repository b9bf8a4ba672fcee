Rails.application.configure do
  config.cache_classes = true
  config.eager_load = true
  config.consider_all_requests_local = false

  # The schema is dumped in development; in production the release must not change.
  config.active_record.dump_schema_after_migration = false
end
