#include "pattern.h"

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/*
 * How a match is kept from running away.  PCRE2's own match limit does not
 * do: it begins anew at each place where a match may start, and the JIT
 * counts no step back into a repeated character, so that `^.*a*[bc]` takes
 * 2.5 s on 128 KiB and four times as long on twice as much.  So a regex is
 * compiled a second time with a callout before each item, which counts steps
 * and the way that was run since the last.  What the callouts cannot see (a
 * backreference or a counted repeat that fails late) is charged beforehand,
 * by `weights`.  Without callouts only short texts are matched, where even
 * the worst case is cheap.
 */

#define STEP_SHIFT	5		/* 32 octets run over are a step */
#define STEPS_PER_OCTET	32
#define CHEAP		10000000	/* worst case without counting */
#define WEIGHT_REST	UINT16_MAX	/* the rest of the text, and */
#define REST_FACTOR	4		/* comparing it is slow */
#define JIT_STACK_MIN	(32 * 1024)
#define JIT_STACK_MAX	(8 * 1024 * 1024)
#define HEAP_KIB_MAX	(64 * 1024)	/* of PCRE2 without the JIT */
#define CLEANED_MAX	(64 * 1024 * 1024)

struct pattern_set {
	struct arena *arena;
	uint32_t steps;
	pcre2_compile_context *compiling;
	pcre2_match_context *matching;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	struct buf cleaned;	/* a text whose bad bytes were replaced */
	const char *reason;
	/* of the match that is running */
	uint64_t taken, allowed;
	size_t at;
	const uint16_t *weights;
};

struct pattern {
	struct pattern_set *set;
	enum pattern_kind kind;
	pcre2_code *plain;	/* for texts of at most plain_max octets */
	pcre2_code *counted;
	size_t plain_max;
	size_t reach;		/* octets that IS, STARTS, ENDS can fit */
	uint16_t *weights;	/* by offset in the regex */
	size_t n_groups;
	const bool *sure;	/* by group */
	struct pattern_name *names;
	size_t n_names;
};

/* ------------------------------------------------------------- counting */

static int count_step(pcre2_callout_block *b, void *data)
{
	struct pattern_set *s = data;
	size_t at = b->current_position;
	size_t way = at > s->at ? at - s->at : s->at - at;
	uint16_t weight = s->weights[b->pattern_position];

	if (weight == WEIGHT_REST)
		way += REST_FACTOR * (b->subject_length - at);
	else
		way += (size_t)weight << STEP_SHIFT;
	s->at = at;
	s->taken += 1 + (way >> STEP_SHIFT);
	return s->taken > s->allowed ? PCRE2_ERROR_CALLOUT : 0;
}

static uint64_t steps_for(const struct pattern_set *s, size_t n)
{
	uint64_t free_steps = PATTERN_FREE_STEPS;

	if (n < PATTERN_FREE_STEPS / STEPS_PER_OCTET)
		free_steps = (uint64_t)n * STEPS_PER_OCTET;
	return s->steps + free_steps;
}

/* ------------------------------------------------------------------ set */

static void set_free(void *arg)
{
	struct pattern_set *s = arg;

	buf_free(&s->cleaned);
	pcre2_jit_stack_free(s->stack);
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->matching);
	pcre2_compile_context_free(s->compiling);
}

/* What PCRE2 had no memory for stays NULL, and is met where it is used. */
struct pattern_set *pattern_set_make(struct arena *a, uint32_t steps)
{
	struct pattern_set *s = arena_make(a, struct pattern_set);

	s->arena = a;
	s->steps = steps ? steps : PATTERN_STEPS;
	s->reason = "";
	buf_init(&s->cleaned, CLEANED_MAX);
	s->compiling = pcre2_compile_context_create(NULL);
	if (s->compiling)
		pcre2_set_newline(s->compiling, PCRE2_NEWLINE_ANYCRLF);
	s->data = pcre2_match_data_create(PATTERN_GROUPS_MAX + 1, NULL);
	s->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	s->matching = pcre2_match_context_create(NULL);
	if (s->matching) {
		pcre2_set_heap_limit(s->matching, HEAP_KIB_MAX);
		pcre2_set_callout(s->matching, count_step, s);
		if (s->stack)
			pcre2_jit_stack_assign(s->matching, NULL, s->stack);
	}
	arena_on_reset(a, set_free, s);
	return s;
}

/* --------------------------------------------------------------- survey */

#define SURVEY_DEPTH	250	/* PCRE2's own limit of nested groups */

/* What the text of a regex tells of it; on the careful side. */
struct survey {
	unsigned loops;		/* quantifiers */
	unsigned forks;		/* alternatives and question marks */
	bool wild;		/* groups repeat, refer or recurse */
	bool doubt;		/* which groups are set cannot be told */
	size_t callout;		/* offset of a callout, or SIZE_MAX */
	size_t groups;
	bool *sure;		/* by group; PATTERN_GROUPS_MAX + 1 */
};

/* A group that is open: the captures numbered above `before` are in it. */
struct open_group {
	size_t before;
	bool captures;		/* itself number before + 1 */
	bool unsure;		/* alternatives, or a negative assertion */
};

static char char_at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

/* Offset behind the first C at or after I, or the end. */
static size_t behind(struct str s, size_t i, char c)
{
	i = str_find_char(s, i, c);
	return i < s.n ? i + 1 : s.n;
}

/* Behind the \E that ends a \Q at I. */
static size_t behind_quoted(struct str s, size_t i)
{
	for (i += 2; i < s.n; i++)
		if (s.p[i] == '\\' && char_at(s, i + 1) == 'E')
			return i + 2;
	return s.n;
}

/* Behind the escape at I. */
static size_t behind_escape(struct survey *v, struct str s, size_t i)
{
	char c = char_at(s, i + 1);

	if (c == 'Q')
		return behind_quoted(s, i);
	if ((c >= '1' && c <= '9') || c == 'k' || c == 'g')
		v->wild = true;		/* refers or calls */
	if (c && strchr("pPxoNkg", c) && char_at(s, i + 2) == '{')
		return behind(s, i, '}');
	return i + 2;
}

/* Behind the class at I. */
static size_t behind_class(struct survey *v, struct str s, size_t i)
{
	i++;
	if (char_at(s, i) == '^')
		i++;
	if (char_at(s, i) == ']')
		i++;
	while (i < s.n && s.p[i] != ']') {
		char c = char_at(s, i + 1);

		if (s.p[i] == '\\')
			i = behind_escape(v, s, i);
		else if (s.p[i] == '[' && (c == ':' || c == '.' || c == '='))
			i = behind(s, i, ']');
		else
			i++;
	}
	return i + 1;
}

/* Flags as in (?i) and (?s-m: for instance. */
static size_t behind_flags(struct survey *v, struct str s, size_t i)
{
	for (; i < s.n && (ch_alpha(s.p[i]) || s.p[i] == '-' ||
	    s.p[i] == '^'); i++) {
		if (s.p[i] == 'x')	/* comments may hold anything */
			v->wild = v->doubt = true;
		if (s.p[i] == 'n' || s.p[i] == 'J')
			v->doubt = true;
	}
	return i;
}

/* Reads what stands behind "(?" at I; gives where its inside begins. */
static size_t read_group_kind(struct survey *v, struct str s, size_t i,
    struct open_group *g)
{
	char c = char_at(s, i + 2), d = char_at(s, i + 3);

	if (c == ':' || c == '>' || c == '=') {
		return i + 3;
	} else if (c == '!' || (c == '<' && d == '!')) {
		g->unsure = true;
		return i + (c == '!' ? 3 : 4);
	} else if (c == '<' && d == '=') {
		return i + 4;
	} else if (c == '<' || c == '\'' || (c == 'P' && d == '<')) {
		g->captures = true;
		return behind(s, i + (c == 'P' ? 4 : 3),
		    c == '\'' ? '\'' : '>');
	} else if (c && strchr("imsxnJU^", c)) {
		return behind_flags(v, s, i + 2);
	} else if (c == '-' && ch_alpha(d)) {
		return behind_flags(v, s, i + 2);
	}
	if (c == 'C' && v->callout == SIZE_MAX)
		v->callout = i;
	v->wild = true;
	/* recursion and references set nothing; conditions, (?| and what is
	 * not known here may */
	if (!ch_digit(c) && (!c || !strchr("R&+-P", c)))
		v->doubt = true;
	return i + 2;
}

static size_t open_group(struct survey *v, struct str s, size_t i,
    struct open_group *g)
{
	*g = (struct open_group){ .before = v->groups };
	if (char_at(s, i + 1) == '*') {		/* a verb */
		v->wild = v->doubt = true;
		i += 2;
	} else if (char_at(s, i + 1) == '?') {
		i = read_group_kind(v, s, i, g);
	} else {
		g->captures = true;
		i++;
	}
	if (g->captures)
		v->groups++;
	return i;
}

static void make_unsure(struct survey *v, size_t above)
{
	for (size_t n = above + 1; n <= v->groups &&
	    n <= PATTERN_GROUPS_MAX; n++)
		v->sure[n] = false;
}

/* G ends, and its quantifier begins at I. */
static void close_group(struct survey *v, struct str s, size_t i,
    const struct open_group *g)
{
	char c = char_at(s, i), d = char_at(s, i + 1);

	if (g->unsure)
		make_unsure(v, g->before + g->captures);
	if (c == '*' || c == '?' || (c == '{' && (d == '0' || d == ',' ||
	    d == ' ')))
		make_unsure(v, g->before);
	if (c == '*' || c == '+' || c == '{')
		v->wild = true;
}

/* Behind the quantifier at I, `?` or `+` that belong to it included. */
static size_t behind_quantifier(struct survey *v, struct str s, size_t i)
{
	if (s.p[i] == '?')
		v->forks++;
	else
		v->loops++;
	if (s.p[i] == '{') {
		while (i < s.n && s.p[i] != '}' && (s.p[i] == '{' ||
		    ch_digit(s.p[i]) || s.p[i] == ',' || s.p[i] == ' '))
			i++;
		if (char_at(s, i) != '}')
			return i;	/* a brace that is itself */
	}
	i++;
	if (char_at(s, i) == '?' || char_at(s, i) == '+')
		i++;
	return i;
}

static void survey(struct survey *v, struct str s)
{
	struct open_group open[SURVEY_DEPTH + 1] = { 0 };
	size_t depth = 0, i = 0;

	for (size_t n = 0; n <= PATTERN_GROUPS_MAX; n++)
		v->sure[n] = true;
	while (i < s.n) {
		switch (s.p[i]) {
		case '\\':
			i = behind_escape(v, s, i);
			break;
		case '[':
			i = behind_class(v, s, i);
			break;
		case '(':
			if (char_at(s, i + 1) == '?' &&
			    char_at(s, i + 2) == '#') {
				i = behind(s, i, ')');
				break;
			}
			if (depth == SURVEY_DEPTH) {
				v->wild = v->doubt = true;
				return;
			}
			i = open_group(v, s, i, &open[++depth]);
			break;
		case ')':
			i++;
			if (depth > 0)
				close_group(v, s, i, &open[depth--]);
			break;
		case '|':
			i++;
			v->forks++;
			open[depth].unsure = true;
			break;
		case '*': case '+': case '?': case '{':
			i = behind_quantifier(v, s, i);
			break;
		default:
			i++;
		}
	}
	close_group(v, STR_EMPTY, 0, &open[0]);
}

/*
 * The longest text for which the worst case is cheap: each loop, and the
 * start of the match, may stand at N places, and each fork goes two ways.
 */
static size_t plain_limit(const struct survey *v)
{
	size_t n;

	if (v->wild || v->forks > 20)
		return 0;
	for (n = 1; n < CHEAP; n += 1 + n / 16) {
		uint64_t cost = UINT64_C(1) << v->forks;

		for (unsigned i = 0; i <= v->loops && cost <= CHEAP; i++)
			cost *= n;
		if (cost > CHEAP)
			break;
	}
	return n - 1;
}

/* --------------------------------------------------------------- making */

PRINTF_LIKE(3, 4)
static bool refuse(struct pattern_error *e, size_t offset,
    const char *fmt, ...)
{
	va_list ap;

	e->offset = offset;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return false;
}

static void code_free(void *arg)
{
	pcre2_code_free(arg);
}

/* PCRE2's code for TEXT, for as long as the arena lives, JIT if possible. */
static pcre2_code *compile(struct pattern_set *s, struct str text,
    uint32_t options, struct pattern_error *e)
{
	int number;
	PCRE2_SIZE offset;
	pcre2_code *code;

	code = pcre2_compile((PCRE2_SPTR)text.p, text.n,
	    options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &number, &offset,
	    s->compiling);
	if (!code) {
		e->offset = offset <= text.n ? offset : text.n;
		if (pcre2_get_error_message(number, (PCRE2_UCHAR *)e->msg,
		    sizeof(e->msg)) < 0 && !e->msg[0])
			refuse(e, e->offset, "no regex (PCRE2 error %d)",
			    number);
		return NULL;
	}
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	arena_on_reset(s->arena, code_free, code);
	return code;
}

static bool make_literal(struct pattern *p, struct str text, bool fold,
    struct pattern_error *e)
{
	uint32_t options = PCRE2_LITERAL | (fold ? PCRE2_CASELESS : 0);

	if (p->kind == PATTERN_IS || p->kind == PATTERN_STARTS)
		options |= PCRE2_ANCHORED;
	if (p->kind == PATTERN_IS || p->kind == PATTERN_ENDS)
		options |= PCRE2_ENDANCHORED;
	p->reach = 4 * utf8_count(text);
	p->plain = compile(p->set, text, options, e);
	return p->plain != NULL;
}

/* Characters of a glob up to its next `*`, as a regex. */
static bool glob_segment(struct buf *b, struct str glob, size_t *at,
    struct pattern_error *e)
{
	while (*at < glob.n && glob.p[*at] != '*') {
		size_t from = *at;
		char c = glob.p[from];

		if (c == '?') {
			buf_add_char(b, '.');
			++*at;
			continue;
		}
		if (c == '\\') {
			from = ++*at;
			if (from == glob.n)
				return refuse(e, from - 1, "the backslash "
				    "at the end takes the meaning off "
				    "nothing; write two");
			c = glob.p[from];
		}
		utf8_next(glob, at);
		if ((unsigned char)c < 0x80 && !ch_alnum(c))
			buf_printf(b, "\\x{%X}", (unsigned)c);
		else
			buf_add(b, glob.p + from, *at - from);
	}
	return true;
}

/*
 * What stands between two `*` is looked for from the left, once and for all
 * (atomic, or COMMIT): a later place never helps, and so the time is linear.
 */
static bool glob_to_regex(struct buf *b, struct str glob,
    struct pattern_error *e)
{
	struct buf part;
	bool good = true, first = true, open = false;
	size_t at = 0;

	buf_init(&part, b->max);
	while (good) {
		bool last;

		buf_clear(&part);
		good = glob_segment(&part, glob, &at, e);
		last = at == glob.n;
		if (first && (part.n || last))
			buf_printf(b, "\\A%.*s%s", STR_ARG(buf_str(&part)),
			    last ? "\\z" : "");
		else if (first)
			open = true;
		else if (last && part.n)
			buf_printf(b, "%s.*%.*s\\z", open ? "\\A" : "",
			    STR_ARG(buf_str(&part)));
		else if (part.n && open)
			buf_printf(b, "%.*s(*COMMIT)",
			    STR_ARG(buf_str(&part)));
		else if (part.n)
			buf_printf(b, "(?>.*?%.*s)", STR_ARG(buf_str(&part)));
		if (!first && part.n)
			open = false;
		first = false;
		if (last)
			break;
		at++;
	}
	buf_free(&part);
	return good;
}

static bool make_glob(struct pattern *p, struct str text, bool fold,
    struct pattern_error *e)
{
	struct buf regex;

	buf_init(&regex, 16 * PATTERN_LITERAL_MAX);
	if (glob_to_regex(&regex, text, e)) {
		p->plain = compile(p->set, buf_str(&regex), PCRE2_DOTALL |
		    PCRE2_UCP | (fold ? PCRE2_CASELESS : 0), e);
		if (!p->plain)
			e->offset = 0;	/* it was of the regex */
	}
	buf_free(&regex);
	return p->plain != NULL;
}

/* How much an item may cost that no callout sees. */
static uint16_t item_weight(struct str item)
{
	size_t brace = item.n, end;
	uint64_t n;

	if (item.n >= 2 && item.p[0] == '\\' &&
	    ((item.p[1] >= '1' && item.p[1] <= '9') || item.p[1] == 'k' ||
	    item.p[1] == 'g'))
		return WEIGHT_REST;
	if (str_starts(item, STR_LIT("(?P=")))
		return WEIGHT_REST;
	while (brace > 0 && item.p[brace - 1] != '{')
		brace--;
	if (brace == 0 || item.p[0] == '(')
		return 0;
	for (end = brace; end < item.n && ch_digit(item.p[end]); end++)
		;
	if (!str_u64(str_sub(item, brace, end - brace), UINT16_MAX, &n))
		return 0;
	return (uint16_t)(n >> STEP_SHIFT);
}

struct weighing {
	struct str text;
	uint16_t *weights;
};

static int weigh(pcre2_callout_enumerate_block *b, void *data)
{
	struct weighing *w = data;

	if (b->pattern_position <= w->text.n)
		w->weights[b->pattern_position] = item_weight(str_sub(
		    w->text, b->pattern_position, b->next_item_length));
	return 0;
}

static int any_callout(pcre2_callout_enumerate_block *b, void *data)
{
	*(size_t *)data = b->pattern_position;
	return 1;
}

static bool check_regex(const pcre2_code *code, const struct survey *v,
    struct pattern_error *e)
{
	uint32_t groups = 0, back = 0;
	size_t callout = 0;

	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &back);
	if (pcre2_callout_enumerate(code, any_callout, &callout) != 0)
		return refuse(e, v->callout != SIZE_MAX ? v->callout :
		    callout, "callouts are not allowed");
	if (groups > PATTERN_GROUPS_MAX)
		return refuse(e, 0, "more than %d groups; write (?:...) "
		    "where nothing is caught", PATTERN_GROUPS_MAX);
	if (back > PATTERN_LOOKBEHIND_MAX)
		return refuse(e, 0, "looks back more than %d characters",
		    PATTERN_LOOKBEHIND_MAX);
	return true;
}

/* PCRE2's table: two octets of number, then the name, NUL at its end. */
static void take_names(struct pattern *p)
{
	struct arena *a = p->set->arena;
	const unsigned char *entry = NULL;
	uint32_t n = 0, size = 0;

	pcre2_pattern_info(p->plain, PCRE2_INFO_NAMECOUNT, &n);
	pcre2_pattern_info(p->plain, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(p->plain, PCRE2_INFO_NAMETABLE, &entry);
	p->names = arena_array(a, n, sizeof(p->names[0]));
	for (; n > 0; n--, entry += size) {
		struct pattern_name name = {
			arena_str(a, str_of((const char *)entry + 2)),
			(size_t)entry[0] << 8 | entry[1]
		};
		size_t i = p->n_names++;

		for (; i > 0 && p->names[i - 1].group > name.group; i--)
			p->names[i] = p->names[i - 1];
		p->names[i] = name;
	}
}

static bool make_regex(struct pattern *p, struct str text, bool fold,
    struct pattern_error *e)
{
	struct arena *a = p->set->arena;
	uint32_t options = PCRE2_UCP | PCRE2_DOLLAR_ENDONLY |
	    PCRE2_NEVER_BACKSLASH_C | (fold ? PCRE2_CASELESS : 0);
	struct survey v = { .callout = SIZE_MAX };
	struct weighing w = { text, NULL };
	uint32_t groups = 0;

	v.sure = arena_array(a, PATTERN_GROUPS_MAX + 1, sizeof(v.sure[0]));
	survey(&v, text);
	p->plain = compile(p->set, text, options, e);
	if (!p->plain || !check_regex(p->plain, &v, e))
		return false;
	p->counted = compile(p->set, text, options | PCRE2_AUTO_CALLOUT, e);
	if (!p->counted)
		return false;
	w.weights = arena_array(a, text.n + 1, sizeof(w.weights[0]));
	pcre2_callout_enumerate(p->counted, weigh, &w);
	p->weights = w.weights;
	p->plain_max = plain_limit(&v);
	pcre2_pattern_info(p->plain, PCRE2_INFO_CAPTURECOUNT, &groups);
	p->n_groups = groups;
	if (v.doubt || v.groups != groups)
		memset(v.sure, 0, (PATTERN_GROUPS_MAX + 1) *
		    sizeof(v.sure[0]));
	p->sure = v.sure;
	take_names(p);
	return true;
}

struct pattern *pattern_make(struct pattern_set *s, enum pattern_kind kind,
    struct str text, bool fold, struct pattern_error *error_out)
{
	struct pattern *p = arena_make(s->arena, struct pattern);
	size_t max = kind == PATTERN_REGEX ? PATTERN_REGEX_MAX :
	    PATTERN_LITERAL_MAX;
	bool good;

	*error_out = (struct pattern_error){ 0 };
	p->set = s;
	p->kind = kind;
	p->plain_max = SIZE_MAX;
	if (text.n > max) {
		refuse(error_out, max, "longer than %zu octets", max);
		return NULL;
	}
	if (kind == PATTERN_REGEX)
		good = make_regex(p, text, fold, error_out);
	else if (kind == PATTERN_GLOB)
		good = make_glob(p, text, fold, error_out);
	else
		good = make_literal(p, text, fold, error_out);
	return good ? p : NULL;
}

/* ------------------------------------------------------------- matching */

static enum pattern_result limit(struct pattern_set *s, int rc)
{
	if (rc == PCRE2_ERROR_CALLOUT || rc == PCRE2_ERROR_MATCHLIMIT)
		s->reason = "the regex took too many steps (regex_steps)";
	else if (rc == PCRE2_ERROR_JIT_STACKLIMIT ||
	    rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
	    rc == PCRE2_ERROR_NOMEMORY || rc == PCRE2_ERROR_NULL)
		s->reason = "the pattern needs too much memory on this text";
	else if (rc == PCRE2_ERROR_RECURSELOOP)
		s->reason = "the regex recurses without end";
	else
		s->reason = "the pattern cannot be matched on this text";
	return PATTERN_LIMIT;
}

static void take_groups(const struct pattern *p, struct str text,
    struct str *groups)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->set->data);

	for (size_t i = 0; i <= p->n_groups; i++) {
		PCRE2_SIZE from = at[2 * i], to = at[2 * i + 1];

		if (from == PCRE2_UNSET)
			groups[i] = (struct str){ NULL, 0 };
		else
			groups[i] = (struct str){ text.p + from,
			    to > from ? to - from : 0 };
	}
}

/*
 * Bytes that are no characters, replaced by U+FFFD: PCRE2's dot does not fit
 * them, which a glob's `*` does, and without the JIT PCRE2 takes them for an
 * end of the text where a match must begin or end there.
 */
static struct str cleaned(struct pattern_set *s, struct str text)
{
	buf_clear(&s->cleaned);
	for (size_t at = 0; at < text.n; )
		buf_add_utf8(&s->cleaned, utf8_next(text, &at));
	return buf_str(&s->cleaned);
}

/* The last N octets of TEXT, or a few less: from where a character begins. */
static struct str tail(struct str text, size_t n)
{
	size_t from = text.n - n;

	while (from < text.n && ((unsigned char)text.p[from] & 0xC0) == 0x80)
		from++;
	return str_sub(text, from, text.n);
}

static int match_counted(const struct pattern *p, struct str text)
{
	struct pattern_set *s = p->set;

	if (!s->matching)
		return PCRE2_ERROR_NOMEMORY;	/* and so nothing counts */
	s->taken = s->at = 0;
	s->allowed = steps_for(s, text.n);
	s->weights = p->weights;
	return pcre2_match(p->counted, (PCRE2_SPTR)text.p, text.n, 0, 0,
	    s->data, s->matching);
}

static int match_plain(const struct pattern *p, struct str text)
{
	struct pattern_set *s = p->set;

	if (text.n > p->reach) {
		if (p->kind == PATTERN_IS)
			return PCRE2_ERROR_NOMATCH;
		if (p->kind == PATTERN_STARTS)
			text = utf8_head(text, p->reach);
		else if (p->kind == PATTERN_ENDS)
			text = tail(text, p->reach);
	}
	if (p->kind != PATTERN_CONTAINS && p->kind != PATTERN_REGEX &&
	    !utf8_valid(text)) {
		text = cleaned(s, text);
		if (s->cleaned.over)
			return PCRE2_ERROR_NOMEMORY;
	}
	return pcre2_match(p->plain, (PCRE2_SPTR)text.p, text.n, 0, 0,
	    s->data, s->matching);
}

enum pattern_result pattern_match(const struct pattern *p, struct str text,
    struct str *groups)
{
	int rc;

	if (!text.p)
		text = STR_EMPTY;
	rc = text.n > p->plain_max ? match_counted(p, text) :
	    match_plain(p, text);
	if (rc == PCRE2_ERROR_NOMATCH)
		return PATTERN_NO;
	if (rc < 0)
		return limit(p->set, rc);
	if (groups && p->kind == PATTERN_REGEX)
		take_groups(p, text, groups);
	return PATTERN_YES;
}

/* Where to look on behind a match that ends at TO.  One that took nothing
 * leaves the next character as it is, so that this ends. */
static size_t look_on(struct str text, bool empty, size_t to,
    struct buf *out)
{
	size_t next = to;

	if (!empty)
		return to;
	if (to == text.n)
		return to + 1;
	utf8_next(text, &next);
	buf_add_str(out, str_sub(text, to, next - to));
	return next;
}

enum pattern_result pattern_replace(const struct pattern *p,
    struct str text, pattern_with *with, void *ctx, struct buf *out)
{
	enum pattern_result result = PATTERN_NO;
	struct pattern_set *s = p->set;
	struct str groups[PATTERN_GROUPS_MAX + 1];
	size_t at = 0;
	int rc = s->matching ? 0 : PCRE2_ERROR_NOMEMORY;

	s->taken = 0;
	s->allowed = steps_for(s, text.n);
	s->weights = p->weights;
	while (rc >= 0 && at <= text.n) {
		size_t from;

		s->at = at;
		s->taken++;
		rc = pcre2_match(p->counted, (PCRE2_SPTR)text.p, text.n, at,
		    0, s->data, s->matching);
		if (rc < 0)
			break;
		result = PATTERN_YES;
		take_groups(p, text, groups);
		from = (size_t)(groups[0].p - text.p);
		buf_add_str(out, str_sub(text, at, from - at));
		with(ctx, groups, out);
		at = look_on(text, groups[0].n == 0, from + groups[0].n,
		    out);
	}
	if (at < text.n)
		buf_add_str(out, str_sub(text, at, text.n - at));
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		return limit(s, rc);
	return out->over ? limit(s, PCRE2_ERROR_NOMEMORY) : result;
}

const char *pattern_limit_reason(const struct pattern *p)
{
	return p->set->reason;
}

struct str pattern_glob_literal(struct str glob)
{
	struct str best = STR_EMPTY;

	for (size_t i = 0, from = 0; i <= glob.n; i++) {
		if (i < glob.n && !memchr("*?\\", glob.p[i], 3))
			continue;
		if (i - from > best.n)
			best = str_sub(glob, from, i - from);
		from = i + 1;
	}
	return best;
}

size_t pattern_groups(const struct pattern *p)
{
	return p->n_groups;
}

bool pattern_group_sure(const struct pattern *p, size_t n)
{
	return n >= 1 && n <= p->n_groups && p->sure[n];
}

size_t pattern_names(const struct pattern *p,
    const struct pattern_name **list_out)
{
	*list_out = p->names;
	return p->n_names;
}
