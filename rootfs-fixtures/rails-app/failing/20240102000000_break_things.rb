# A demo copies this into db/migrate to show a deployment whose migration fails. The first step works and is rolled
# back, because PostgreSQL's DDL is transactional.
class BreakThings < ActiveRecord::Migration[6.1]
  def change
    add_column :users, :nickname, :string
    add_column :no_such_table, :name, :string
  end
end
