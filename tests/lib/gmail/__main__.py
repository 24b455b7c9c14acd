"""python3 -m gmail [PROFILE [SWITCH=VALUE]...]

Prints {"port", "tls_port", "control_port", "ca_file"} and serves until its
standard input ends.
"""

import json
import sys

from . import Server
from .switches import KINDS


def value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(words):
    profile = words[0] if words else 'gmail'
    given = dict(w.split('=', 1) for w in words[1:])
    unknown = set(given) - set(KINDS)
    if unknown:
        sys.exit('there is no switch "%s"' % unknown.pop())
    with Server(profile, control_port=True,
                **{k: value(v) for k, v in given.items()}) as s:
        print(json.dumps({
            'port': s.port, 'tls_port': s.tls_port, 'ca_file': s.ca_file,
            'control_port': s.control_port}), flush=True)
        sys.stdin.read()


main(sys.argv[1:])
