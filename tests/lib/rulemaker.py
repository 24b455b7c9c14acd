"""Rule files made up from their JSON Schema, right ones and slightly broken
ones: whatever vocab.def gets, this makes files of it.

    maker = Maker(schema, random.Random(seed))
    text = maker.file()
"""

import json
import re

TEXTS = ['x', 'a b', 'Alice', 'alice@example.org', '@example.org',
         '@*.example.org', 'work/a', 'INBOX', 'mine', 'own', 'first', '$Junk',
         '\\Seen', '\\archive', '*', 'a*b', '(a)(b)?', '$(subject)',
         '$(1:-none)', '2026-01-15', '30d', '20K', '+02:00', 'mon-fri',
         '22:00', 'unread', 'archive', 'exact', 'é', '', ' ', 'new', 'all',
         'a@', '/x/', 2026, 1.5, -1, 0]
NUMBERS = [-1, 0, 1, 2, 200, 4294967295, 4294967296, 1.5, '1']
PLAIN = ['True', 'FALSE', 'null', '~', 'yes', '0x10', '+5', '1e3', '.inf',
         '010', '1.0', 'no', 'Null', '0o17']
DEEP = 9		# past that no condition has conditions in it


class Plain(str):
    """A scalar that is written without quotes, whatever that makes it."""


class Maker:
    def __init__(self, schema, random):
        self.schema, self.random = schema, random
        self.words = sorted({
            word for d in [schema] + list(schema['definitions'].values())
            for word in d.get('properties', {})})

    # ---------------------------------------------------------- right

    def chance(self, p):
        return self.random.random() < p

    def of(self, schema, depth=0):
        """Something that fits, as far as one schema at a time can say."""
        choose = self.random.choice
        if '$ref' in schema:
            name = schema['$ref'].rpartition('/')[2]
            return self.of(self.schema['definitions'][name], depth + 1)
        if 'const' in schema:
            return schema['const']
        if 'enum' in schema:
            return choose(schema['enum'])
        if 'examples' in schema and self.chance(0.8):
            return choose(schema['examples'])
        if schema.get('type') == 'object':
            return self.map(schema, depth)
        if schema.get('type') == 'array':
            least = schema.get('minItems', 0)
            most = min(schema.get('maxItems', least + 2), least +
                       (depth < DEEP) + (depth < DEEP / 2))
            items = schema['items']
            first = items if isinstance(items, list) else []
            rest = schema['additionalItems'] if first else items
            return [self.of(first[i] if i < len(first) else rest, depth + 1)
                    for i in range(self.random.randint(least, most))]
        for key in ('anyOf', 'allOf'):
            if key in schema:
                some = schema[key]
                return self.of(some[0] if depth > DEEP else choose(some),
                               depth + 1)
        if schema.get('type') == 'boolean':
            return self.chance(0.5)
        if 'integer' in schema.get('type', ''):
            return choose(NUMBERS)
        return choose(TEXTS)

    def map(self, schema, depth):
        made = {}
        known = schema.get('properties')
        if not known:
            names = schema.get('propertyNames', {}).get(
                'examples', ['mine', 'own', 'first'])
            for _ in range(self.random.randint(1, 2)):
                made[self.random.choice(names)] = self.of(
                    schema['additionalProperties'], depth + 1)
            return made
        keys = list(schema.get('required', []))
        for either in (schema.get('anyOf'), schema.get('oneOf')):
            if either and self.chance(0.9):
                keys += self.random.choice(either).get('required', [])
        while not keys or self.chance(0.3):
            keys.append(self.random.choice(sorted(known)))
        for key in keys:
            made[key] = self.of(known[key], depth + 1)
        return made

    # --------------------------------------------------------- broken

    def places(self, tree):
        """Each (container, key) below."""
        keys = range(len(tree)) if isinstance(tree, list) else list(tree)
        for key in keys:
            yield tree, key
            if isinstance(tree[key], (list, dict)):
                yield from self.places(tree[key])

    def spoil(self, tree):
        where, key = self.random.choice(list(self.places(tree)))
        value = where[key]
        what = self.random.randrange(8)
        if what == 0:
            where[key] = self.random.choice(TEXTS)
        elif what == 1:
            where[key] = Plain(self.random.choice(PLAIN))
        elif what == 2:
            where[key] = [value]
        elif what == 3:
            where[key] = {self.random.choice(self.words): value}
        elif what == 4 and isinstance(value, dict):
            value[self.random.choice(self.words)] = self.random.choice(
                TEXTS)
        elif what == 5 and isinstance(where, dict):
            where[self.random.choice(self.words)] = where.pop(key)
        elif what == 6:
            del where[key]
        else:
            where[key] = self.random.choice([None, [], {}, True, False, 5])

    def file(self):
        tree = self.of({k: v for k, v in self.schema.items()
                        if k != 'definitions'})
        tree.setdefault('rules', self.of(self.schema['definitions'][
            'rules']))
        tree.pop('include', None)
        for i, rule in enumerate(tree['rules']):
            rule['name'] = 'rule %d' % i
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2])):
            if tree:
                self.spoil(tree)
        return self.written(tree) + '\n'

    def written(self, tree):
        if isinstance(tree, dict):
            return '{%s}' % ', '.join(
                '%s: %s' % (json.dumps(k), self.written(v))
                for k, v in tree.items())
        if isinstance(tree, list):
            return '[%s]' % ', '.join(self.written(v) for v in tree)
        if isinstance(tree, Plain) or (
                isinstance(tree, str) and self.chance(0.5) and
                re.fullmatch(r'[A-Za-z0-9$][\w@./+-]*', tree)):
            return str(tree)
        return json.dumps(tree, ensure_ascii=False)
