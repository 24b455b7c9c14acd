#!/usr/bin/env python3
"""tamis against Pigeonhole's sieve-test: RFC 5228 and its extensions."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import conditions	# noqa: E402
import peers		# noqa: E402
import versus		# noqa: E402
import tap		# noqa: E402


class Sieve(versus.Versus):
    pair = staticmethod(conditions.sieve)
    peer = peers.Sieve
    without = ('language', 'nobody')


if __name__ == '__main__':
    del versus.Versus
    tap.main()
