# read-foreman.rb FILE...: what foreman reads in each Procfile, as a JSON array with [[name, command], ...] or null.
require "json"
require "foreman/procfile"

readings = ARGV.map do |file|
  entries = []
  Foreman::Procfile.new(file).entries { |name, command| entries << [name, command] }
  entries
rescue ArgumentError
  nil
end
puts JSON.generate(readings)
