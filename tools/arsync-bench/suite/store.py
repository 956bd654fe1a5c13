"""What has been measured, a file of JSON for each part, so that an interrupted run goes on."""

import hashlib
import json
import os


def fingerprint(*paths):
    """Changes with what is measured: a part that another arsync-cp gave is measured anew."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:16]


class Store:
    def __init__(self, folder, key):
        self.folder = folder
        self.key = key
        os.makedirs(folder, exist_ok=True)

    def _path(self, name):
        return os.path.join(self.folder, f"{name}.json")

    def load(self, name):
        """None: it has not been measured. What was measured otherwise is there, too."""
        try:
            with open(self._path(name)) as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def is_done(self, name):
        result = self.load(name)
        # What has failed is tried again: the fault may have been mended meanwhile.
        return result is not None and result["key"] == self.key and result["kind"] != "failed"

    def save(self, name, result):
        """The whole of it, or nothing."""
        path = self._path(name)
        with open(f"{path}.new", "w") as file:
            json.dump({"name": name, "key": self.key, **result}, file)
        os.replace(f"{path}.new", path)

    def all(self):
        names = sorted(file[:-5] for file in os.listdir(self.folder) if file.endswith(".json"))
        return {name: self.load(name) for name in names}
