import os
from urllib.parse import urlsplit

database = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = os.environ["SECRET_KEY"]
INSTALLED_APPS = ["notes"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.path.lstrip("/"),
        "USER": database.username,
        "HOST": database.hostname,
        "PORT": database.port,
    }
}
