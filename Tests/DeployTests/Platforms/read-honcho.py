# read-honcho.py FILE...: what honcho reads in each Procfile, as a JSON array with [[name, command], ...] or null.
import json
import os
import sys

from honcho.environ import Env


def reading(path):
    env = Env({"app_root": os.path.dirname(path), "procfile": os.path.basename(path)})
    try:
        return list(env.load_procfile().processes.items())
    except (AssertionError, UnicodeDecodeError):
        return None


print(json.dumps([reading(path) for path in sys.argv[1:]]))
