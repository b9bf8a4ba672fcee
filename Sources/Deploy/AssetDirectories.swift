/// Where frameworks put the assets that they build: what a hook leaves there is thrown away with
/// the container, and the app that goes live does not have it.
enum AssetDirectories {
  /// The directories' paths in a release.
  static let names = [
    "public/assets", "public/packs", "public/vite",  // Rails
    "public/build",  // Laravel, Remix, Symfony
    "priv/static",  // Phoenix
    "staticfiles",  // Django
    ".next", ".nuxt", ".output", ".svelte-kit", "build", "dist",
  ]
}
