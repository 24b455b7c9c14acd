"""A test that compares tamis with a peer, pair by pair.

A pair is a condition and a message; PAIRS of them are made from a seed,
ROUNDS times RULES conditions over LETTERS messages.  TAMIS_SEED begins
elsewhere, TAMIS_ROUNDS does more of them (make sweep).
"""

import os
import random
import tempfile
import unittest

import letters
import peers

RULES, LETTERS = 100, 20
SEED = int(os.environ.get('TAMIS_SEED') or 1)


class Versus(unittest.TestCase):
    """Of a peer: PAIR makes a condition, PEER holds many of them."""
    pair = peer = None
    rounds = 10
    without = ()		# see letters.py

    @staticmethod
    def given(letter):
        return letter.data

    def one_round(self, seed):
        rng = random.Random(seed)
        pairs = [type(self).pair(rng) for _ in range(RULES)]
        data = [type(self).given(x) for x in letters.many(
            rng, LETTERS, type(self).without)]
        ours = peers.Ours([p[0] for p in pairs]).verdicts(data)
        held = 0
        with tempfile.TemporaryDirectory() as folder:
            peer = type(self).peer([p[1] for p in pairs], folder)
            for mine, message in zip(ours, data):
                theirs = peer.verdict(message)
                held += len(theirs)
                for i in sorted(mine ^ theirs):
                    self.fail('tamis says %s, the peer %s\n%r\n%s\n%s' % (
                        i in mine, i in theirs, *pairs[i],
                        message.decode(errors='replace')))
        return held

    def test_pairs(self):
        rounds = int(os.environ.get('TAMIS_ROUNDS') or self.rounds)
        held = 0
        for seed in range(SEED, SEED + rounds):
            with self.subTest(seed=seed):
                held += self.one_round(seed)
        # conditions that never hold would prove little
        pairs = rounds * RULES * LETTERS
        print('# %d pairs, %d held' % (pairs, held))
        self.assertGreater(held, pairs // 10)
