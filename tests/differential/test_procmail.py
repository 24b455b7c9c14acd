#!/usr/bin/env python3
"""tamis against procmail: regexes over header and body, sizes."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import conditions	# noqa: E402
import peers		# noqa: E402
import versus		# noqa: E402
import tap		# noqa: E402


class Procmail(versus.Versus):
    pair = staticmethod(conditions.procmail)
    peer = peers.Procmail
    without = ('decoding',)

    @staticmethod
    def given(letter):
        return letter.unix	# it knows no line's end but LF


class Octets(Procmail):
    pair = staticmethod(conditions.procmail_raw)
    without = ('case',)


if __name__ == '__main__':
    del versus.Versus
    tap.main()
