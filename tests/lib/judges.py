"""Two judges of a rule file: `tamis check`, and its JSON Schema.

    judges = Judges(tamis.Tamis())
    for text in judges.differing(texts): ...	where they do not agree, why

The schema is applied by python3-jsonschema to what python3-yaml makes of the
text, with the core schema of YAML 1.2 (10.3) in place of YAML 1.1's types.

UNSEEN are the kinds of error that a schema cannot see: a file is valid by
its schema exactly if every error that `tamis check` finds in it is of these
kinds.  Those that are a matter of degree, so that the schema sees some of
them, are in MAYBE.
"""

import json
import os
import re

import jsonschema
import yaml

RULE = 'version: 1\nrules: [{name: x, %s}]\n'
WHEN = RULE % 'when: {%s}, then: [archive]'
THEN = RULE % 'when: {subject: {regex: "(a)|(b)"}}, then: [%s]'

# kind: what is said, and a file in which that alone is wrong
UNSEEN = {
    'name of a condition': (
        r'^there is no named condition `', WHEN % 'all: [nobody]'),
    'circle of conditions': (
        r'^the condition `.*` refers to itself',
        'version: 1\nconditions: {a: {not: a}}\n'),
    'name of a list': (
        r'^there is no list `', WHEN % 'from: {list: nobody}'),
    'name of a rule': (
        r'^there is no rule `', 'version: 1\ntests: [{name: x, message: x, '
        'expect: {rules: [nobody]}}]\n'),
    'name twice': (
        r'^another rule has the name|is defined already, in|'
        r'stands in this map already',
        'version: 1\nrules: [{name: x, then: archive}, '
        '{name: x, then: inbox}]\n'),
    'key twice': (
        r'stands in this map already', 'version: 1\nversion: 1\n'),
    'long name': (
        r"^a rule's name has at most", 'version: 1\nrules: [{name: %s, '
        'then: archive}]\n' % ('x' * 201)),
    'regex': (
        r'^bad regex: ', WHEN % 'subject: {regex: "("}'),
    'template': (
        r'^\$\(|^`\$\(` has|group of this rule|regex with a group|has a group \d|'
        r'may be unset|is not a part of a date|the date format holds|'
        r'the default holds|^in arguments there are only|'
        r'^here only groups of the regex',
        THEN % 'label: $(2)'),
    'name of a mailbox': (
        r'^the name (begins or ends with|has an empty level|holds a|is )|'
        r'^a pattern cannot stand here', THEN % 'label: /a'),
    'address': (
        r'is no (address|domain)(;|$)|^this is (more than an address|no '
        r'(whole address|domain))|^an address here is no pattern|whole domain can be|'
        r'^a pattern of a domain', WHEN % 'from: a@'),
    'text of a field': (
        r'^it cannot stand in `', THEN % 'set_header: {To: "ü@example.org"}'),
    'map': (
        r'is no map(;|$)|^a regex cannot stand in a map|is neither an '
        r'address nor a name|^a map that edits addresses', 'version: 1\n'
        'lists: {a: [b]}\nrules: [{name: x, then: '
        '[{edit_header: {X: {map: a}}}]}]\n'),
    'empty range': (
        r'^nothing is (over the one and under the other|under 0|after the )|'
        r'^no time begins at 24:00|^between a time and itself',
        WHEN % 'size: {over: 2K, under: 1K}'),
    'time zone': (
        r'^there is no zone `|is no time zone;',
        WHEN % 'sent: {on: 2026-01-15, zone: Mars/Base}'),
    'order of branches': (
        r'^`otherwise` is the last branch', RULE % 'first_of: '
        '[{otherwise: archive}, {when: {subject: x}, then: inbox}]'),
    'file': (
        r'cannot read|o such file|includes itself', 'version: 1\n'
        'include: none.yaml\n'),
    'verified elsewhere': (
        r'^`verified` is of an author', WHEN % 'to: {verified: true}'),
    'entry of a list': (
        r'^an entry has at most|^the line is not text|^the regex is empty|'
        r'stands in this map already|^there is nothing to (look|put)|'
        r'^here is (a|no) `::`|^a second `::`|^a list has at most',
        'version: 1\nlists: {a: [//]}\n'),
    'local beside case': (
        r'beside `local` has nothing to work on',
        WHEN % 'list_id: {local: x, case: exact}'),
}
# The schema sees some of a kind, and these not.
MAYBE = {
    'date': (r'is no date; ', WHEN % 'sent: {on: 2026-02-30}'),
    'day': (r'is no day of the week', WHEN % 'weekday: fryday'),
    'name of a field': (r'^this is no name of a header field$',
                        THEN % 'label: "$(header.X Any)"'),
    'True': (r'must be true or false', WHEN % 'attachment: True'),
    'number': (r'must be a whole number', RULE % 'then: stop, limit: +5'),
    'version': (r'^this version of the language is not known',
                'version: 1.0\n'),
}


# ----------------------------------------------------------------- YAML

class Loader(yaml.SafeLoader):
    """YAML 1.2 core types; a key is always the text that it was."""


class Broken(Exception):
    """No YAML, or none that means something."""


def resolvers():
    rows = [
        ('null', r'~|null|Null|NULL|', '~nN\0'),
        ('bool', r'true|True|TRUE|false|False|FALSE', 'tTfF'),
        ('int', r'[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+', '-+0123456789'),
        ('float', r'[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|'
                  r'[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)',
         '-+.0123456789'),
        ('merge', r'<<', '<'),
    ]
    table = {}
    for name, pattern, first in rows:
        for char in first:
            table.setdefault(char.replace('\0', ''), []).append(
                ('tag:yaml.org,2002:' + name,
                 re.compile('(?:%s)$' % pattern)))
    return table


Loader.yaml_implicit_resolvers = resolvers()


def construct_int(loader, node):
    text = node.value
    if text.startswith(('0o', '0x')):
        return int(text, 0)
    return int(text)


def construct_map(loader, node):
    loader.flatten_mapping(node)
    made = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Broken('a key that is no text')
        made[key.value] = loader.construct_object(value, deep=True)
    return made


Loader.add_constructor('tag:yaml.org,2002:int', construct_int)
Loader.add_constructor('tag:yaml.org,2002:map', construct_map)


def load(text):
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise Broken(str(e))


# --------------------------------------------------------------- judges

def pattern(validator, wanted, instance, schema):
    """As ECMA 262 means it: $ is the end, not before a last LF."""
    if not validator.is_type(instance, 'string'):
        return
    if not re.search(re.sub(r'\$$', r'\\Z', wanted), instance):
        yield jsonschema.ValidationError('%r is not %s' % (instance, wanted))


Validator = jsonschema.validators.extend(
    jsonschema.Draft7Validator, {'pattern': pattern})


class Differ(AssertionError):
    pass


def kind_of(table, sentence):
    for kind, (said, _) in table.items():
        if re.search(said, sentence):
            return kind
    return None


class Judges:
    def __init__(self, program):
        self.program = program
        self.schema = json.loads(program.run('words', '--schema').out)
        jsonschema.Draft7Validator.check_schema(self.schema)
        self.validator = Validator(self.schema)
        self.valid = self.invalid = 0

    def errors(self, path, args):
        """{file: sentences of the errors that `tamis check` finds}; those
        of included files count for the only one that was asked about."""
        got = self.program.run(*args, 'check', '--json')
        if got.status not in (0, 1):
            raise AssertionError(got)
        found = {}
        for o in got.json():
            if o['type'] == 'problem' and o['level'] == 'error' and \
                    not o['text'].startswith(('there is no account',
                                              'the config has no channel')):
                found.setdefault(path or o['file'], []).append(
                    o['text'] + ('; ' + o['hint'] if 'hint' in o else ''))
        return found

    def check(self, text):
        path = self.write('judged.yaml', text)
        return self.errors(path, ['-r', path]).get(path, [])

    def write(self, name, text):
        path = os.path.join(self.program.folder, name)
        with open(path, 'w', encoding='utf-8', newline='') as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def check_many(self, texts):
        """The same of each: one run, in which each has an account (so that
        others are unknown, which a schema need not say)."""
        paths = [self.write('judged%d.yaml' % i, text)
                 for i, text in enumerate(texts)]
        config = self.write('judged.yaml', json.dumps({
            'version': 1, 'accounts': {'x%d' % i: {
                'maildir': '~/Mail', 'rules': [path]}
                for i, path in enumerate(paths)}}))
        found = self.errors(None, ['-c', config])
        return [found.get(path, []) for path in paths]

    def differing(self, texts):
        """Sentences about those on which the judges do not agree."""
        texts = sorted(set(texts))
        alone = [t for t in texts if 'include:' in t]
        rest = [t for t in texts if t not in set(alone)]
        answers = [(t, self.check(t)) for t in alone]
        for i in range(0, len(rest), 100):
            some = rest[i:i + 100]
            answers += zip(some, self.check_many(some))
        for text, errors in answers:
            try:
                self.compare(text, errors)
            except Differ as e:
                yield str(e)

    def compare(self, text, errors):
        try:
            tree = load(text)
        except Broken as e:
            if not errors:
                raise Differ('only PyYAML refuses it: %s\n%s' % (e, text))
            return
        refused = jsonschema.exceptions.best_match(
            self.validator.iter_errors(tree))
        unseen = [kind_of(UNSEEN, e) for e in errors]
        maybe = [e for e in errors if kind_of(MAYBE, e)]
        seen = [e for e, kind in zip(errors, unseen)
                if not kind and e not in maybe]
        if refused and not seen and not maybe:
            raise Differ('only the schema refuses it: %s at %s\ncheck says '
                         '%s of\n%s' % (refused.message,
                                        list(refused.absolute_path), errors,
                                        text))
        if seen and not refused:
            raise Differ('only check refuses it: %s\n%s' % (seen, text))
        self.invalid += refused is not None
        self.valid += not errors


# --------------------------------------------------------------- pieces

def shorter(node):
    """The same with one item only, for each list below it."""
    if isinstance(node, yaml.SequenceNode):
        items = node.value
        if len(items) > 1:
            for item in items:
                yield yaml.SequenceNode(node.tag, [item])
        elif items:
            for item in shorter(items[0]):
                yield yaml.SequenceNode(node.tag, [item])
    elif isinstance(node, yaml.MappingNode):
        for i, (key, value) in enumerate(node.value):
            for less in shorter(value):
                yield yaml.MappingNode(
                    node.tag, node.value[:i] + [(key, less)] +
                    node.value[i + 1:])


def pieces(text):
    """The file, and files with each of its rules and tests alone, and those
    again with less in them: so that one mistake does not hide another."""
    yield text
    try:
        root = yaml.compose(text, Loader)
    except yaml.YAMLError:
        return
    if not isinstance(root, yaml.MappingNode):
        return
    for i, (key, value) in enumerate(root.value):
        if key.value not in ('rules', 'tests') or not isinstance(
                value, yaml.SequenceNode):
            continue
        rest = [pair for pair in root.value if pair[0] is not key and
                (key.value == 'tests' or pair[0].value != 'tests')]
        for item in value.value:
            for less in [item] + list(shorter(item)):
                alone = yaml.SequenceNode(value.tag, [less])
                yield serialized(yaml.MappingNode(
                    root.tag, rest + [(key, alone)]))


class Dumper(yaml.SafeDumper):
    pass


Dumper.yaml_implicit_resolvers = resolvers()


def serialized(node):
    return yaml.serialize(node, Dumper=Dumper, width=10000,
                          allow_unicode=True)
