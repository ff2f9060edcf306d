"""Python environments with other people's libraries, made once below `.build`."""

import os
import subprocess
import sys


def environment(folder, notice, packages, complete=lambda: None):
    """The environment's Python; made again where it is not whole."""
    python, marker = os.path.join(folder, "bin/python"), os.path.join(folder, "complete")
    if not os.path.exists(marker):
        print(notice, file=sys.stderr)
        subprocess.run(["python3", "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
                       stdout=sys.stderr, check=True)
        complete()
        open(marker, "w").close()
    return python
