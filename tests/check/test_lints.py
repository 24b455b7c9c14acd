#!/usr/bin/env python3
"""What `check` says of rules among each other is true.

Small rule files are made up from few words, so that rules often lie within
each other, and judge messages that are made up from the same words.  A rule
that is said to be never reached must not fire, nor a branch be taken; a rule
whose conditions exclude each other must not fire; and without an action that
is said to have no effect all must come out the same.

TAMIS_SEED and TAMIS_FILES choose which files, and how many.
"""

import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../lib'))
import tamis  # noqa: E402
import tap  # noqa: E402

FILES = int(os.environ.get('TAMIS_FILES', '100'))
SEED = int(os.environ.get('TAMIS_SEED', '1'))
MESSAGES = 30

ADDRESSES = ['a@x.example', 'b@x.example', 'c@y.example', '"@x.example"',
             '"@y.example"', '"@*.example"', 'Alice']
SUBJECTS = ['one', 'two', '[one, two]', '{is: one}', '{is: two}',
            '{exists: true}', '{exists: false}', '{starts: one}']
LISTS = ['l1', '[l1, l2]', '{exists: true}', '{exists: false}']
ACTIONS = ['{label: L}', '{label: M}', '{unlabel: L}', '{unlabel: M}',
           '{move: P}', '{move: Q}', 'archive', '{mark: read}',
           '{mark: unread}', '{mark: starred}', '{label: "$(subject)"}',
           '{copy: C}']
MORE = ['{label: M}', '{move: P}', '{unmark: read}']


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, p):
        return self.random.random() < p

    def leaf(self):
        pick = self.random.choice
        return pick([
            lambda: 'from: ' + pick(ADDRESSES),
            lambda: 'from: [%s, %s]' % (pick(ADDRESSES), pick(ADDRESSES)),
            lambda: 'to: ' + pick(ADDRESSES),
            lambda: 'subject: ' + pick(SUBJECTS),
            lambda: 'list_id: ' + pick(LISTS),
            lambda: 'is: ' + pick(['read', 'unread', 'starred']),
            lambda: 'label: ' + pick(['L', 'M']),
            lambda: 'mailbox: ' + pick(['INBOX', 'P', 'Q']),
            lambda: 'size: ' + pick(['{over: 100}', '{under: 200}']),
        ])()

    def condition(self, depth=0):
        kind = self.random.randrange(8)
        if depth == 0 and self.chance(0.4):	# often within each other
            return '{from: %s}' % self.random.choice(ADDRESSES[:5])
        if depth > 1 or kind < 3:
            return '{%s}' % self.leaf()
        if kind < 5:
            leaves = {leaf.partition(':')[0]: leaf
                      for leaf in (self.leaf(), self.leaf())}
            return '{%s}' % ', '.join(leaves.values())
        if kind == 5:
            return '{not: %s}' % self.condition(depth + 1)
        return '{%s: [%s, %s]}' % (
            'all' if kind == 6 else 'any', self.condition(depth + 1),
            self.condition(depth + 1))

    def actions(self):
        some = [self.random.choice(ACTIONS)]
        if self.chance(0.3):
            some.append(self.random.choice(MORE))
        if self.chance(0.35):
            some.append('stop')
        return '[%s]' % ', '.join(some)

    def rule(self, i):
        lines = ['  - name: r%d' % i]
        if self.chance(0.93):
            lines.append('    when: ' + self.condition())
        if self.chance(0.1):
            lines.append('    in: ' + self.random.choice(
                ['INBOX', '[P, Q]']))
        if self.chance(0.1):
            lines.append('    on_error: [{label: M}]')
        branches = self.random.choice([0, 0, 0, 2, 3])
        if branches:
            lines.append('    first_of:')
        for k in range(branches):
            lines += ['      - when: ' + self.condition(),
                      '        then: [{label: r%db%d}%s]' % (
                          i, k, ', stop' if self.chance(0.2) else '')]
        if not branches or self.chance(0.5):
            lines.append('    then: ' + self.actions())
        return lines

    def rules(self):
        lines = ['version: 1', 'rules:']
        for i in range(self.random.randint(3, 6)):
            lines += self.rule(i)
        return lines

    def some(self, *of):
        return ', '.join(self.random.sample(of, self.random.randrange(
            1, len(of))))

    def message(self, i):
        head = ['X-Any: x']
        if self.chance(0.9):
            head.append('From: ' + self.some(
                'a@x.example', 'Alice <b@x.example>', 'c@y.example'))
        if self.chance(0.6):
            head.append('To: ' + self.some(
                'a@x.example', 'b@x.example', 'c@y.example'))
        if self.chance(0.8):
            head.append('Subject: ' + self.random.choice(
                ['one', 'two', 'one two']))
        if self.chance(0.5):
            head.append('List-Id: <%s.x.example>' % self.some('l1', 'l2'))
        body = 'x' * self.random.choice([0, 50, 150])
        return ('  - {name: t%d, message: "%s\\n\\n%s", labels: [%s], '
                'flags: [%s], mailbox: %s, expect: {rules: [], '
                'labels: [none], flags: [none], mailbox: none}}' % (
                    i, '\\n'.join(head), body, self.random.choice(
                        ['', 'L', 'M', 'L, M']), self.random.choice(
                        ['', 'read', 'starred', 'read, starred']),
                    self.random.choice(['INBOX', 'P', 'Q'])))

    def messages(self):
        return ['tests:'] + [self.message(i) for i in range(MESSAGES)]


class Lints(unittest.TestCase):
    def test_they_are_true(self):
        self.tamis = tamis.Tamis()
        self.said = {}
        for seed in range(SEED, SEED + FILES):
            with self.subTest(seed=seed):
                self.one(seed)
        for sentence in ('this rule is', 'this branch is', 'this has no',
                         'this can never', 'every message stops'):
            self.assertGreater(self.said.get(sentence, 0), 0, self.said)

    def one(self, seed):
        maker = Maker(seed)
        rules, messages = maker.rules(), maker.messages()
        path = self.tamis.rules('\n'.join(rules + messages) + '\n')
        found = [o for o in self.tamis.run('-r', path, 'check',
                                           '--json').json()
                 if o['type'] == 'problem']
        self.assertFalse([o for o in found if o['level'] == 'error'])
        outcome = self.outcome(path) if found else None
        for o in found:
            words = ' '.join(o['text'].replace(':', '').split()[:3])
            self.said[words] = self.said.get(words, 0) + 1
            self.look(o, rules, messages, outcome)

    def outcome(self, path):
        """Of each message how it differs from nothing at all."""
        return ['; '.join(o['differences']) for o in self.tamis.run(
            '-r', path, 'test', '--json').json() if o['type'] == 'test']

    def look(self, o, rules, messages, outcome):
        text, line = o['text'], rules[o['line'] - 1]
        dead = [m.group(1) for m in [re.match(
            r'  - name: (\w+)', rules[i]) for i in range(o['line'])] if m]
        fired = [re.search(r'rules: expected \[\], got \[([^]]*)\]', t)
                 for t in outcome]
        fired = {name for m in fired if m for name in m.group(1).split(', ')}
        if text.startswith('this rule is never'):
            self.assertNotIn(dead[-1], fired, '\n'.join(rules))
        elif text.startswith('every message stops'):
            self.assertNotIn(re.search('`(.*)`', text).group(1), fired)
        elif text.startswith('this branch is never'):
            label = re.search(r'label: (r\db\d)', rules[o['line']]).group(1)
            self.assertNotIn(label, ' '.join(outcome), '\n'.join(rules))
        elif text.startswith('this can never hold') and re.match(
                '    when: ', line) and not re.search(r'any|not: {(all|not)',
                                                     line):
            self.assertNotIn(dead[-1], fired, '\n'.join(rules))
        elif text.startswith('this has no effect'):
            self.without(o, rules, messages, outcome)

    def without(self, o, rules, messages, outcome):
        """The action at that place is a flag that nobody else knows."""
        line, at = rules[o['line'] - 1], o['col'] - 1
        if line[at - 1] == '{':
            at -= 1
        end = at + len(re.match(r'\{[^}]*\}|\w+', line[at:]).group())
        rest = list(rules)
        rest[o['line'] - 1] = line[:at] + '{unflag: other}' + line[end:]
        path = self.tamis.rules('\n'.join(rest + messages) + '\n')
        self.assertEqual(self.outcome(path), outcome, '\n'.join(rules))


if __name__ == '__main__':
    tap.main()
