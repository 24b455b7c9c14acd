"""A pipeline as replace.h is one, in a few lines, over single steps: what a
test of the steps needs to come to an end whatever has happened.

    for each message in turn: the next step; what is not sure is looked at;
    a copy is sent again only when LOOKS looks have found nothing.
"""

import time

import steps

LOOKS, PAUSE = 6, 0.08	# what lands does so before
ROUNDS = 40


class Pipeline:
    def __init__(self, p, copies):
        """COPIES: for each row of P, COPIES(i, later) is what to upload."""
        self.p, self.copies = p, copies
        self.at = ['capture'] * len(p)
        self.may_land = [0] * len(p)
        self.later = [0] * len(p)
        self.history = [[] for _ in range(len(p))]

    def run(self):
        """True when all rows have ended: settled, refused or ambiguous."""
        for _ in range(ROUNDS):
            for name in steps.ALL_STEPS + ('discard',):
                self.do(name)
            if all(a in ('settled', 'refused', 'ambiguous')
                   for a in self.at):
                return True
        return False

    def do(self, name):
        rows = [i for i, at in enumerate(self.at) if at == name]
        if not rows:
            return
        for i in range(len(self.at)):
            self.p.set(i, 'off', i not in rows)
        if name == 'remember':
            for i in rows:
                self.p.copy(i, self.copies(i, self.later[i]))
        self.p.step(name)
        if not self.p.ok:
            self.p.forget()
            self.may_land = [LOOKS if at == 'look' else k
                             for at, k in zip(self.at, self.may_land)]
        for i in rows:
            r = self.p[i]
            self.history[i].append((name, r['outcome'], r['found'],
                                    r['place'], r['reason']))
            self.at[i] = getattr(self, 'after_' + name)(i, r)

    def after_capture(self, i, r):
        return {'done': 'remember', 'refused': 'refused'}.get(
            r['outcome'], 'capture')

    def after_remember(self, i, r):
        return 'upload' if r['outcome'] == 'done' else 'remember'

    def after_upload(self, i, r):
        if r['outcome'] in ('passing', 'refused'):
            return 'remember'
        if r['outcome'] == 'todo':
            return 'upload'
        self.may_land[i] = LOOKS if r['outcome'] == 'unsure' else 0
        return 'look'

    def after_look(self, i, r):
        if r['outcome'] == 'refused':
            return 'ambiguous'
        if r['outcome'] != 'done':
            return 'look'
        if r['found'] == 'there':
            return 'prove'
        if r['found'] in ('twice', 'differs') or r['twins']:
            return 'discard'
        if self.may_land[i]:
            self.may_land[i] -= 1
            time.sleep(PAUSE)
            return 'look'
        self.later[i] += 1
        return 'remember'

    def after_discard(self, i, r):
        return 'remember' if r['outcome'] == 'done' else 'look'

    def after_prove(self, i, r):
        if r['outcome'] != 'done':
            return 'look'
        return {'proved': 'dress', 'alone': 'ambiguous',
                'instead': 'ambiguous'}.get(r['found'], 'look')

    def after_dress(self, i, r):
        return {'done': 'retire', 'refused': 'ambiguous'}.get(
            r['outcome'], 'look')

    def after_retire(self, i, r):
        return {'done': 'settled', 'passing': 'look'}.get(
            r['outcome'], 'retire')
