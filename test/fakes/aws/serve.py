# Runs moto's server on a free port of the loopback address until the standard input ends.
import os
import sys
import threading

from moto.server import main


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
main(["-H", "127.0.0.1", "-p", "0"])
