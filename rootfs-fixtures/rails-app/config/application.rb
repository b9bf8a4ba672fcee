require_relative "boot"

require "rails"
require "active_record/railtie"
require "action_controller/railtie"

Bundler.require(*Rails.groups)

module Sample
  class Application < Rails::Application
    config.load_defaults 6.1
    config.api_only = true

    # To the platform's log: the app's directory is thrown away with the container.
    config.logger = ActiveSupport::Logger.new($stdout)
    config.log_level = :info

    # A platform sets SECRET_KEY_BASE; this app keeps no sessions, so that any value does without it.
    config.secret_key_base = ENV.fetch("SECRET_KEY_BASE") { SecureRandom.hex(64) }
  end
end
