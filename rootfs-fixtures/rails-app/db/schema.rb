# What db/migrate amounts to. `rake db:migrate` in development writes it anew.
ActiveRecord::Schema.define(version: 2024_01_01_000000) do
  create_table "users", force: :cascade do |t|
    t.string "name", null: false
    t.string "email", null: false
    t.datetime "created_at", precision: 6, null: false
    t.datetime "updated_at", precision: 6, null: false
    t.index ["email"], name: "index_users_on_email", unique: true
  end
end
