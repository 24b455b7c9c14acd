/*
 * pattern - one text test: is, contains, starts, ends, glob, regex.
 *
 * The only room that knows PCRE2.  Every kind goes through it, so all of
 * them fold letters in the same way: Unicode simple folding (CaseFolding.txt,
 * C and S), so that "STRASSE" is not "straße" and a Kelvin sign is a k.
 *
 * A regex is PCRE2 with UTF and UCP: \w, \d, \b and classes are Unicode's.
 * `^` and `$` are the two ends of the whole text, `$` not before a last line
 * end; (?m) makes them ends of lines, which are LF, CR LF and CR.  A dot is
 * any character but those of line ends; (?s) makes it any.  Refused: \C,
 * callouts, more groups than PATTERN_GROUPS_MAX, looking back further than
 * PATTERN_LOOKBEHIND_MAX.
 *
 * A glob fits the whole value: `*` is any text, line ends too, `?` one
 * character, `\` takes the meaning off the next.
 *
 * No match runs away.  A step is one item of the regex tried, or 32 octets of
 * text run over; a match may take the set's number of steps and 32 more for
 * each octet of the text (at most PATTERN_FREE_STEPS).  Past it the answer is
 * PATTERN_LIMIT, which is not "no".  The other kinds take time linear in the
 * text and need no limit.
 *
 * Texts should be UTF-8.  A byte that is not is no character: no regex item
 * and no letter fits it, `*` and `?` of a glob do.
 *
 * Life:  a set and its patterns live in the arena of pattern_set_make.  A
 *        pattern is read-only; the working memory of a match is the set's,
 *        and so all patterns of a set belong to one thread.
 */
#ifndef TAMIS_PATTERN_H
#define TAMIS_PATTERN_H

#include "base.h"

#define PATTERN_REGEX_MAX	(64 * 1024)	/* octets of a regex */
#define PATTERN_LITERAL_MAX	1000	/* octets of the other kinds */
#define PATTERN_GROUPS_MAX	100	/* capturing groups */
#define PATTERN_LOOKBEHIND_MAX	1000	/* characters */
#define PATTERN_STEPS		1000000	/* default */
#define PATTERN_FREE_STEPS	(32 * 1024 * 1024)

enum pattern_kind {
	PATTERN_IS, PATTERN_CONTAINS, PATTERN_STARTS, PATTERN_ENDS,
	PATTERN_GLOB, PATTERN_REGEX,
};

enum pattern_result { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT };

struct pattern_set;	/* limits and working memory of many patterns */
struct pattern;

/* STEPS as above; 0 is PATTERN_STEPS. */
struct pattern_set *pattern_set_make(struct arena *a, uint32_t steps);

/* Why a text is no pattern, and at which octet of it. */
struct pattern_error {
	size_t offset;
	char msg[160];		/* a clause: "missing closing parenthesis" */
};

/*
 * FOLD: case is no difference.  TEXT is copied.  NULL with *ERROR_OUT set
 * when it is no pattern or passes a limit.
 */
struct pattern *pattern_make(struct pattern_set *s, enum pattern_kind kind,
    struct str text, bool fold, struct pattern_error *error_out);

/*
 * GROUPS may be NULL; else, of a regex that gave PATTERN_YES, it gets the
 * whole match and what each group caught: 1 + pattern_groups(p) entries,
 * borrowed from TEXT.  The `p` of a group that is unset is NULL.
 */
enum pattern_result pattern_match(const struct pattern *p, struct str text,
    struct str *groups);

/*
 * TEXT with each match of the regex, from left to right, replaced by what
 * WITH adds to OUT for its groups (as above).  NO: there is none, and OUT
 * holds TEXT.  All of it together may take the steps of one match; LIMIT also
 * where OUT is full.
 */
typedef void pattern_with(void *ctx, const struct str *groups,
    struct buf *out);
enum pattern_result pattern_replace(const struct pattern *p,
    struct str text, pattern_with *with, void *ctx, struct buf *out);

/* After PATTERN_LIMIT: which limit, as a clause. */
const char *pattern_limit_reason(const struct pattern *p);

/* The longest piece of a glob that stands for itself; whatever fits the glob
 * holds it. */
struct str pattern_glob_literal(struct str glob);

/* Capturing groups of a regex; 0 for other kinds. */
size_t pattern_groups(const struct pattern *p);
/* Is group N (from 1) set in every match?  False also when in doubt. */
bool pattern_group_sure(const struct pattern *p, size_t n);

struct pattern_name {
	struct str name;
	size_t group;		/* from 1 */
};

/* The named groups, by number. */
size_t pattern_names(const struct pattern *p,
    const struct pattern_name **list_out);

#endif
