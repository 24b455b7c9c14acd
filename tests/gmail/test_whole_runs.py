#!/usr/bin/env python3
"""tamis run against each kind of server that is not Gmail."""
# timeout: 600

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE + '/../lib', HERE + '/../engine']

import gmail		# noqa: E402
import tap		# noqa: E402
import test_imap_run	# noqa: E402


class Engine(test_imap_run.Engine):
    """The tests that Dovecot and Cyrus pass, here too."""
    profile = None

    def server(self):
        return gmail.Server(self.profile)


class OnDovecotLike(Engine, unittest.TestCase):
    profile = 'dovecot'


class OnCyrusLike(Engine, unittest.TestCase):
    profile = 'cyrus'


class OnExchangeLike(Engine, unittest.TestCase):
    profile = 'exchange'


class OnYahooLike(Engine, unittest.TestCase):
    profile = 'yahoo'


class WithoutMove(Engine, unittest.TestCase):
    profile = 'no_move'


if __name__ == '__main__':
    tap.main()
