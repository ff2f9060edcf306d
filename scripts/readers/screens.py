"""Runs a command on a terminal of a given size and draws what the terminal shows as a PNG.

usage: screens.py COLUMNS ROWS SECONDS OUTPUT.png COMMAND...
The picture is taken after SECONDS, or at the end of the command if that comes first (0: at the end).
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte
from PIL import Image, ImageDraw, ImageFont

COLOURS = {
    "default": "#d8dee9", "black": "#3b4252", "red": "#bf616a", "green": "#a3be8c",
    "brown": "#ebcb8b", "yellow": "#ebcb8b", "blue": "#81a1c1", "magenta": "#b48ead",
    "cyan": "#88c0d0", "white": "#e5e9f0",
}
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"


def record(columns, rows, seconds, command):
    """The screen after `seconds` of the command."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    end = time.monotonic() + (seconds or 600)
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
    os.kill(pid, signal.SIGINT) if seconds else None
    os.waitpid(pid, 0)
    return screen


def draw(screen, path):
    """One cell is as wide as the font's M."""
    font = ImageFont.truetype(FONT, 14)
    width, height = font.getbbox("M")[2], 18
    picture = Image.new("RGB", (screen.columns * width + 16, screen.lines * height + 16), "#2e3440")
    canvas = ImageDraw.Draw(picture)
    for row in range(screen.lines):
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            if cell.data.strip():
                colour = COLOURS.get(cell.fg, COLOURS["default"])
                if cell.bold and cell.fg == "default":
                    colour = "#ffffff"
                canvas.text((8 + column * width, 8 + row * height), cell.data, font=font, fill=colour)
    picture.save(path)


columns, rows, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
draw(record(columns, rows, seconds, sys.argv[5:]), sys.argv[4])
