"""What a program says when it cannot answer."""


class Refusal(Exception):
    """The question cannot be answered, now or later. Its text is one sentence for a reader."""

    retry = False


class Retry(Refusal):
    """The question may be answered when it is asked again: no memory on the device, say."""

    retry = True


class Broken(Exception):
    """The stream of questions cannot be read any further, so the program ends."""
