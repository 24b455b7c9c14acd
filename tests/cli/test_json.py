#!/usr/bin/env python3
"""Every object of --json is as tamis(1) says.

What the objects of all tests hold is compared where they are read
(tests/lib/tamis.py); here each type comes up, and the comparison is tried.
"""

import os
import unittest

import jsonform
import tamis
import tap

RULES = '''rules:
  - {name: money, when: {subject: invoice}, then: [{label: money}, archive]}
  - {name: asked, when: {run: {command: [/nonexistent]}}, then: [trash]}
tests:
  - {name: it is, message: "Subject: invoice\\n\\n", expect: {rules: [money]}}
  - {name: it is not, message: "Subject: x\\n\\n", expect: {rules: [money]}}
'''


class Forms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.t = tamis.Tamis()
        cls.mail = cls.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(cls.mail + '/' + name)
        cls.letter = cls.mail + '/new/1.x'
        with open(cls.letter, 'w') as f:
            f.write('From: a@example.org\nSubject: invoice\n'
                    'Message-ID: <1@example.org>\n\nx\n')
        cls.t.config({'accounts': {'home': {'maildir': cls.mail}}})
        cls.t.rules(RULES)

    def test_every_type(self):
        seen = {}
        broken = self.t.rules('rules: [{name: x, then: [arhcive]}]',
                              'broken.yaml')
        for status, args in (
                (1, ['-r', broken, 'check']), (0, ['check']),
                (1, ['test']), (1, ['run', '-n', '--all']),
                (0, ['explain', '--commands', self.letter]),
                (0, ['run', '--all']), (0, ['log']),
                (0, ['why', '1@example.org']), (0, ['recover']),
                (0, ['stats']), (0, ['undo', '1']), (None, ['doctor']), (0, ['words', 'from'])):
            r = self.t.run('--json', *args)
            if status is not None:
                self.assertEqual(r.status, status, r)
            self.assertTrue(r.json(), r)
            for each in r.json():
                seen.setdefault(each['type'], []).append(each)
        self.assertEqual(set(seen), set(jsonform.forms()))
        members = {name: set().union(*seen[name]) for name in seen}
        self.assertLessEqual({'changes', 'rules', 'unknown'},
                             members['message'])
        self.assertIn('hint', members['problem'])

    def test_comparison(self):
        """What is not written there is found."""
        good = self.t.run('--json', 'explain', self.letter).json()[0]
        tree = good['rules'][0]['tree']
        for where, name, value in (
                (good, 'extra', 1), (good, 'uid', '1'), (good, 'from', 1),
                (good, 'rules', {}), (good, 'flags_after', 'x'),
                (good, 'subject', ''), (good['rules'][0], 'extra', 'x'),
                (good['rules'][0], 'reached', 1), (tree, 'extra', 1),
                (tree, 'line', True), (tree, 'kids', [{'extra': 1}]),
                (good, 'type', 'extra'), (good, 'v', 2)):
            had = dict(where)
            where[name] = value
            with self.assertRaises(AssertionError, msg=(name, value)):
                jsonform.check(good)
            where.clear()
            where.update(had)
        jsonform.check(good)


if __name__ == '__main__':
    tap.main()
