"""What an object of --json may hold, as tamis(1) says in its section JSON.

    import jsonform
    jsonform.check(object)

fails if the object holds something that is not written there, or something
else than is written there.
"""

import functools
import os
import re

TOP = os.environ.get('TAMIS_TOP') or os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__))))
TOKEN = re.compile(r'(\w+)(#|\?|\[\]\{|\[\]|\{|)|(\})')


def read_members(tokens):
    """{name: '#', '?', '' or '[]'; ('[]', members) or ('', members)}"""
    members = {}
    for name, kind, end in tokens:
        if end:
            break
        if kind.endswith('{'):
            members[name] = (kind[:-1], read_members(tokens))
        else:
            members[name] = kind
    return members


@functools.lru_cache(None)
def forms():
    """{type: members}"""
    with open(TOP + '/man/tamis.1', encoding='utf-8') as f:
        text = f.read().partition('\n.Sh JSON\n')[2].partition('\n.Sh ')[0]
    found = {}
    for item in text.split('\n.It Cm ')[1:]:
        name, _, body = item.partition('\n')
        # what stands in parentheses explains; so does what follows
        body = re.sub(r'(?m)^\.Pq .*$', '', body)
        body = re.split(r'\.\n|\n\.El', body)[0]
        found[name] = read_members(iter(TOKEN.findall(body)))
    return found


def check_value(where, value, kind, around):
    if isinstance(kind, tuple):
        shape, members = kind
        values = value if shape else [value]
        assert isinstance(values, list), '%s is no list' % where
        for each in values:
            check_members(where, each, members)
    elif kind == '[]':
        assert isinstance(value, list), '%s is no list' % where
        for each in value:
            if isinstance(each, dict):	# trees have trees below them
                assert where.endswith('.kids'), '%s has objects' % where
                check_members(where, each, around)
            else:
                assert isinstance(each, str), '%s: %r' % (where, each)
    else:
        wanted = {'#': (int, float), '?': bool, '': str}[kind]
        assert isinstance(value, wanted) and (
            kind != '#' or not isinstance(value, bool)), \
            '%s is %r' % (where, value)
        assert value != '', '%s is empty' % where


def check_members(where, value, members):
    assert isinstance(value, dict), '%s is no object' % where
    for name, each in value.items():
        assert name in members, '%s.%s is not in tamis(1)' % (where, name)
        check_value(where + '.' + name, each, members[name], members)


def check(value):
    assert list(value)[:2] == ['v', 'type'], value
    assert value['v'] == 1, value
    assert value['type'] in forms(), '%s is not in tamis(1)' % value['type']
    check_members(value['type'], {k: v for k, v in value.items()
                                  if k not in ('v', 'type')},
                  forms()[value['type']])
