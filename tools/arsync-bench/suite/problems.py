"""What can go wrong with a measurement."""


class Unusable(Exception):
    """What is missing here for a measurement, in words for the user."""


class Failed(Exception):
    """A command that did not do its work, and its last words."""

    def __init__(self, name, log):
        super().__init__(f"{name} failed: {log}")
        self.name = name
        self.log = log
