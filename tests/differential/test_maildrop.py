#!/usr/bin/env python3
"""tamis against maildrop: Perl's regexes, addresses."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import conditions	# noqa: E402
import peers		# noqa: E402
import versus		# noqa: E402
import tap		# noqa: E402


class Maildrop(versus.Versus):
    pair = staticmethod(conditions.maildrop)
    peer = peers.Maildrop
    without = ('case', 'route')	# its :D is about a field's name, too


if __name__ == '__main__':
    del versus.Versus
    tap.main()
