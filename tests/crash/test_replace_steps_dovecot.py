#!/usr/bin/env python3
"""Steps of replacements on Dovecot, with trouble at each command."""
# timeout: 900

import hashlib

import crash
import faultproxy
import replacer
import runs
import servers
import steps
import tap
from mailmaker import message

OFFERS = {
    'MOVE': None,
    'no MOVE': 'IMAP4rev1 LITERAL+ UIDPLUS CONDSTORE SPECIAL-USE '
               'LIST-EXTENDED NAMESPACE',
}
LOGIN = 3
WORN = frozenset(['\\Seen', 'kw'])
TROUBLE = [('cut', 'command'), ('cut', 'reply'), ('no', 'command'),
           ('no', 'reply'), ('bye', 'command')]
EACH = 1 if crash.SWEEP else 4


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


class Faults(runs.Case):
    def begin(self, offers):
        self.s = self.start(servers.Dovecot(capability=OFFERS[offers]))
        self.proxy = self.start(faultproxy.Proxy(self.s))
        for n in (1, 2, 3):
            self.s.append('alice', 'INBOX', message(n), 'kw \\Seen')
        self.uids = {m.message_id: m.uid
                     for m in self.s.dump('alice', 'INBOX')}
        self.validity = self.s.status('alice', 'INBOX')['UIDVALIDITY']
        self.t.rules('rules: []')
        self.configure(a=self.t.account(self.proxy))
        self.s.save()
        self.copies = [steps.replaced(message(n), steps.nonce(n), later=0)
                       for n in (1, 2)]

    def run_with(self, *faults):
        self.s.restore()
        self.proxy.arm(*faults)
        with steps.Steps(self.t, 'a') as p:
            for n in (1, 2):
                mid = '%d@example.org' % n
                p.add('INBOX', self.validity, self.uids[mid],
                      steps.nonce(n), 0, mid)
            line = replacer.Pipeline(p, lambda i, later: self.copies[i])
            good = line.run()
        if faults and not self.proxy.fired:
            return False
        self.proxy.arm()
        self.check(good, line)
        return True

    def check(self, good, line):
        self.s.settle()
        boxes = self.s.dump_all('alice')
        found = sorted((m.digest, m.flags) for m in boxes['INBOX'])
        want = sorted((digest(raw), WORN)
                      for raw in self.copies + [message(3)])
        trash = {m.digest for m in boxes.get('Trash', [])}
        if not good or line.at != ['settled'] * 2 or found != want or \
                digest(message(3)) in trash:
            self.fail('%s\n%s\n%s' % (line.at, found, '\n'.join(
                str(h) for rows in line.history for h in rows)))

    def test_each_command(self):
        for offers in OFFERS:
            self.begin(offers)
            self.run_with()
            points, first = 0, 0
            for action, place in TROUBLE:
                first += 1
                nth = LOGIN + 1 + first % EACH
                while True:
                    with self.subTest(offers=offers, action=action,
                                      place=place, nth=nth):
                        if not self.run_with(faultproxy.Fault(
                                action, nth=nth, **{place: '*'})):
                            break
                        points += 1
                    nth += EACH
            print('# row: a fault at each command | Dovecot, %s, steps | '
                  '%d | 0 | 0 | 0' % (offers, points))
            self.assertGreater(points, 60 / EACH)


if __name__ == '__main__':
    tap.main()
