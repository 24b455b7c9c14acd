/*
 * Random passes over a server in memory: random mail, rules and abilities of
 * the server; connections that end before, within and behind each effect,
 * refusals, messages that a fetch leaves out, another client that acts
 * between any two calls, and runs that die at any call.
 *
 * At no moment a message may be lost.  After some runs in which all goes
 * well each message is exactly once where the rules put it, with its copies,
 * labels and flags; what the rules do not want is as it was.
 *
 * TAMIS_SEED=N shows one scenario, TAMIS_SEEDS=N runs that many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "engine/log.h"
#include "fake_store.h"
#include "scratch.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS		400	/* it is slow then */
#else
#define SEEDS		1000
#endif
#define KINDS		6
#define RULES_MAX_N	5
#define OLD_DAYS	30

/* Where messages lie, and where copies of them go. */
static const char *const places[] = {
	"INBOX", "X", "Archive", "Trash", "Elsewhere", NULL,
};
static const char *const copies[] = { "Keep", "Spare", NULL };

/* What is wanted of a message. */
struct wish {
	unsigned flags_on, flags_off, labels_on, labels_off;
	unsigned copies;	/* bits */
	const char *place;	/* NULL: it stays */
};

struct rule {
	unsigned kinds;		/* bits */
	bool body, sweeps;
	const char *in;		/* a mailbox; NULL: the account's */
	struct wish wish;
};

/* What is known of a letter beyond its text. */
struct life {
	bool old;		/* there before the first run */
	bool taken;		/* another client moved or deleted it */
	bool refused;		/* something was, for good */
	unsigned troubles;	/* that count as tries, at most */
	unsigned flags, labels;	/* at the beginning */
};

enum event {
	EVENT_NONE, EVENT_DIE, EVENT_LOSE, EVENT_LOSE_DONE, EVENT_LOSE_LATE,
	EVENT_REFUSE, EVENT_REFUSE_NOW, EVENT_OMIT, EVENT_BARE,
	EVENT_DELIVER, EVENT_EXPUNGE, EVENT_MOVE, EVENT_MARK,
	EVENT_RENUMBER, EVENT_COUNT
};

/* All in memory that runs in children share. */
struct simulation {
	struct fake_server sv;
	struct life lives[FAKE_LETTERS];
	struct rule rules[RULES_MAX_N];
	size_t n_rules;
	bool watch_x;		/* X is a mailbox of the account, too */
	bool may_renumber;
	uint64_t random;
	unsigned odds;		/* one event in so many points; 0: none */
	uint64_t events[EVENT_COUNT];
	bool loud;
	char text[4096];	/* of the rules */
};

static struct simulation *sim;

/* ------------------------------------------------------------- chances */

static uint64_t next_random(void)
{
	uint64_t x = sim->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return sim->random = x;
}

static unsigned pick(unsigned n)
{
	return (unsigned)(next_random() >> 20) % n;
}

static bool chance(unsigned one_in)
{
	return pick(one_in) == 0;
}

/* ---------------------------------------------------------------- rules */

static void add(size_t *n, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(size_t *n, const char *fmt, ...)
{
	va_list ap;
	int k;

	va_start(ap, fmt);
	k = vsnprintf(sim->text + *n, sizeof(sim->text) - *n, fmt, ap);
	va_end(ap);
	assert_true(k >= 0 && (size_t)k < sizeof(sim->text) - *n);
	*n += (size_t)k;
}

static void write_when(size_t *n, const struct rule *r)
{
	const char *between = "";

	add(n, "    when: {%s: [", r->body ? "body" : "subject");
	for (unsigned k = 0; k < KINDS; k++)
		if (r->kinds & 1u << k) {
			add(n, "%s%s%u", between, r->body ? "word" : "kind",
			    k);
			between = ", ";
		}
	add(n, "]}\n");
}

static void write_names(size_t *n, const char *action,
    const char *const *names, unsigned bits)
{
	for (unsigned i = 0; names[i]; i++)
		if (bits & 1u << i)
			add(n, "      - %s: \"%s\"\n", action, names[i]);
}

static void write_rule(size_t *n, size_t i)
{
	const struct rule *r = &sim->rules[i];
	const struct wish *w = &r->wish;

	add(n, "  - name: r%zu\n", i);
	if (r->sweeps)
		add(n, "    applies_to: all\n");
	if (r->in)
		add(n, "    in: [%s]\n", r->in);
	write_when(n, r);
	add(n, "    then:\n");
	if (w->flags_on & FAKE_SEEN)
		add(n, "      - mark: read\n");
	if (w->flags_off & FAKE_SEEN)
		add(n, "      - unmark: read\n");
	if (w->flags_on & FAKE_FLAGGED)
		add(n, "      - mark: starred\n");
	if (w->flags_off & FAKE_FLAGGED)
		add(n, "      - unmark: starred\n");
	write_names(n, "label", fake_labels, w->labels_on);
	write_names(n, "unlabel", fake_labels, w->labels_off);
	write_names(n, "copy", copies, w->copies);
	if (!w->place)
		return;
	if (strcmp(w->place, "Archive") == 0)
		add(n, "      - archive\n");
	else if (strcmp(w->place, "Trash") == 0)
		add(n, "      - trash\n");
	else
		add(n, "      - move: %s\n", w->place);
}

static void make_rule(struct rule *r)
{
	static const unsigned marks[] = { FAKE_SEEN, FAKE_FLAGGED };

	r->kinds = 1 + pick((1u << KINDS) - 1);
	r->body = chance(4);
	r->sweeps = chance(4);
	if (chance(4))
		r->in = places[pick(2)];
	for (size_t i = 0; i < COUNT(marks); i++)
		if (chance(3))
			r->wish.flags_on |= marks[i];
		else if (chance(4))
			r->wish.flags_off |= marks[i];
	for (unsigned i = 0; i < 3; i++)
		if (chance(3))
			r->wish.labels_on |= 1u << i;
		else if (chance(4))
			r->wish.labels_off |= 1u << i;
	if (chance(3))
		r->wish.copies |= 1u + pick(3);
	if (chance(2))
		r->wish.place = places[1 + pick(3)];
	if (!r->wish.flags_on && !r->wish.labels_on)
		r->wish.labels_on = 1;	/* a rule must do something */
}

static void make_rules(void)
{
	size_t n = 0;

	sim->n_rules = 1 + pick(RULES_MAX_N);
	add(&n, "version: 1\nrules:\n");
	for (size_t i = 0; i < sim->n_rules; i++) {
		make_rule(&sim->rules[i]);
		write_rule(&n, i);
	}
}

/* --------------------------------------------------------------- oracle */

static bool is_watched(const char *box)
{
	return strcmp(box, "INBOX") == 0 ||
	    (sim->watch_x && strcmp(box, "X") == 0);
}

static bool concerns(const struct rule *r, const char *box)
{
	return r->in ? strcmp(r->in, box) == 0 : is_watched(box);
}

/* The last word of all rules, said in another way than the program says. */
static struct wish wanted(unsigned kind, const char *box, bool is_new)
{
	struct wish all = { 0 };

	for (size_t i = 0; i < sim->n_rules; i++) {
		const struct rule *r = &sim->rules[i];
		const struct wish *w = &r->wish;

		if (!(r->kinds & 1u << kind) || (!is_new && !r->sweeps) ||
		    !concerns(r, box))
			continue;
		all.flags_on = (all.flags_on & ~w->flags_off) | w->flags_on;
		all.flags_off = (all.flags_off & ~w->flags_on) | w->flags_off;
		all.labels_on = (all.labels_on & ~w->labels_off) |
		    w->labels_on;
		all.labels_off = (all.labels_off & ~w->labels_on) |
		    w->labels_off;
		all.copies |= w->copies;
		if (w->place)
			all.place = w->place;
	}
	return all;
}

/* How a letter should end. */
struct end {
	unsigned flags, labels, copies;
	const char *place;
};

static void fulfil(struct end *end, const struct wish *w)
{
	end->flags = (end->flags | w->flags_on) & ~w->flags_off;
	end->labels = (end->labels | w->labels_on) & ~w->labels_off;
	end->copies |= w->copies;
	if (w->place)
		end->place = w->place;
}

static struct end expected(unsigned letter)
{
	const struct life *l = &sim->lives[letter];
	unsigned kind = sim->sv.letters[letter].kind;
	struct wish w;
	struct end end = {
		.flags = l->flags, .labels = l->labels, .place = "INBOX",
	};

	if (!l->old) {
		w = wanted(kind, end.place, true);
		fulfil(&end, &w);
	}
	for (int i = 0; i < 4; i++) {
		w = wanted(kind, end.place, false);
		fulfil(&end, &w);
	}
	return end;
}

static unsigned count(const char *box, unsigned letter,
    const struct fake_message **one_out)
{
	const struct fake_box *b = fake_box(&sim->sv, box);
	unsigned n = 0;

	for (size_t i = 0; b && i < b->n; i++)
		if (b->list[i].letter == letter &&
		    !(b->list[i].flags & FAKE_DELETED)) {
			n++;
			if (one_out)
				*one_out = &b->list[i];
		}
	return n;
}

static unsigned count_places(unsigned letter)
{
	unsigned n = 0;

	for (size_t i = 0; places[i]; i++)
		n += count(places[i], letter, NULL);
	return n;
}

static const char *lives_in(unsigned letter)
{
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < FAKE_BOXES; i++) {
		const struct fake_box *b = &sim->sv.boxes[i];

		for (size_t k = 0; k < b->n; k++)
			if (b->list[k].letter == letter && n < 200)
				n += (size_t)snprintf(text + n,
				    sizeof(text) - n, "%s:%u(flags %x labels "
				    "%x) ", b->name, b->list[k].uid,
				    b->list[k].flags, b->list[k].labels);
	}
	return text;
}

static bool bad(uint64_t seed, unsigned letter, const char *what)
{
	struct end end = expected(letter);

	print_error("seed %llu: letter %u of kind %u %s: it is in %s; it "
	    "should be in %s with flags %x labels %x copies %x\n%s",
	    (unsigned long long)seed, letter, sim->sv.letters[letter].kind,
	    what, lives_in(letter), end.place, end.flags, end.labels,
	    end.copies, sim->text);
	return false;
}

/* At any moment. */
static bool none_is_lost(uint64_t seed)
{
	for (unsigned i = 0; i < sim->sv.n_letters; i++)
		if (!sim->lives[i].taken && count_places(i) == 0)
			return bad(seed, i, "is lost");
	return true;
}

static bool is_right(uint64_t seed, unsigned letter)
{
	const struct life *l = &sim->lives[letter];
	const struct fake_message *m = NULL;
	struct end end = expected(letter);
	unsigned most = l->taken && !sim->sv.has_move ? 2 : 1;

	for (unsigned i = 0; copies[i]; i++) {
		unsigned n = count(copies[i], letter, NULL);
		bool wish = end.copies & 1u << i;

		if (n > wish)
			return bad(seed, letter, "has too many copies");
		if (n < wish && !l->taken && !l->refused)
			return bad(seed, letter, "lacks a copy");
	}
	if (count_places(letter) > most)
		return bad(seed, letter, "is there more than once");
	if (l->taken || l->refused)
		return true;
	if (count(end.place, letter, &m) != 1)
		return bad(seed, letter, "is not in its place");
	if (m->flags != end.flags || m->labels != end.labels)
		return bad(seed, letter, "has other flags or labels");
	return true;
}

/* --------------------------------------------------------------- events */

static unsigned deliver(const char *box)
{
	unsigned letter = fake_deliver(&sim->sv, box, pick(KINDS));
	struct life *l = &sim->lives[letter];
	struct fake_box *b = fake_box(&sim->sv, box);
	struct fake_message *m = &b->list[b->n - 1];

	memset(l, 0, sizeof(*l));
	l->labels = m->labels = chance(3) ? 1u << pick(4) : 0;
	l->flags = m->flags = (chance(3) ? FAKE_SEEN : 0) |
	    (chance(3) ? FAKE_FLAGGED : 0) | (chance(4) ? FAKE_THEIRS : 0);
	return letter;
}

/* Another client does something with a message of ours. */
static bool meddle(enum event e)
{
	struct fake_box *b = fake_box(&sim->sv, places[pick(2)]);
	struct fake_message m;

	if (!b || b->n == 0)
		return false;
	m = b->list[pick((unsigned)b->n)];
	if (sim->lives[m.letter].old)
		return false;
	sim->lives[m.letter].taken = true;
	if (e == EVENT_MARK) {
		fake_find(b, m.uid)->flags |= FAKE_DELETED;
		return true;
	}
	fake_expunge(b, m.uid);
	if (e == EVENT_MOVE)
		fake_put(fake_make_box(&sim->sv, "Elsewhere"), &m);
	return true;
}

static bool trouble(void)
{
	struct life *l = &sim->lives[sim->sv.at];

	if (l->troubles >= 3)
		return false;
	l->troubles++;
	return true;
}

/* Does it, or says that it cannot happen here. */
static bool happen(enum event e, enum fake_point p,
    enum fake_fault *fault_out)
{
	switch (e) {
	case EVENT_DIE:
		sim->events[e]++;
		_exit(0);
	case EVENT_LOSE:
		*fault_out = FAKE_LOSE;
		return p != FAKE_APPLIED;
	case EVENT_LOSE_DONE:
		*fault_out = FAKE_LOSE_DONE;
		return p == FAKE_EFFECT;
	case EVENT_LOSE_LATE:
		*fault_out = FAKE_LOSE_LATE;
		return p == FAKE_EFFECT;
	case EVENT_REFUSE:
		*fault_out = FAKE_REFUSE;
		if (p != FAKE_EFFECT || !chance(2))
			return false;
		sim->lives[sim->sv.at].refused = true;
		return true;
	case EVENT_REFUSE_NOW:
		*fault_out = FAKE_REFUSE_NOW;
		return p == FAKE_EFFECT && trouble();
	case EVENT_OMIT:
		*fault_out = FAKE_OMIT;
		return p == FAKE_MESSAGE && trouble();
	case EVENT_BARE:
		*fault_out = FAKE_BARE;
		return p == FAKE_MESSAGE && trouble();
	case EVENT_DELIVER:
		if (sim->sv.n_letters >= 40)
			return false;
		deliver("INBOX");
		return true;
	case EVENT_EXPUNGE:
	case EVENT_MOVE:
	case EVENT_MARK:
		return chance(2) && meddle(e);
	case EVENT_RENUMBER: {
		struct fake_box *b = fake_box(&sim->sv, places[pick(2)]);

		if (!b || !sim->may_renumber)
			return false;
		fake_renumber(b);
		return true;
	}
	default:
		return false;
	}
}

static enum fake_fault hook(struct fake_server *sv, enum fake_point p,
    const struct op *op)
{
	enum fake_fault fault = FAKE_GO;
	enum event e;

	(void)sv;
	(void)op;
	if (sim->odds == 0 || !chance(sim->odds))
		return FAKE_GO;
	e = 1 + pick(EVENT_COUNT - 1);
	if (!happen(e, p, &fault))
		return FAKE_GO;
	sim->events[e]++;
	if (sim->loud)
		print_message("  event %d at point %d\n", e, p);
	return fault;
}

/* ---------------------------------------------------------------- runs */

static void one_run(const char *dir)
{
	struct fake_run run;

	fake_run_init(&run, &sim->sv, dir, sim->text);
	if (sim->watch_x)
		run.mailboxes[1] = "X";
	if (sim->odds && chance(8))
		run.options.max = 1 + pick(3);
	fake_run(&run);
	if (sim->loud)
		print_message("run: %s, %llu judged, %llu changed, %llu "
		    "failed, %llu pending\n", run.ok ? "ok" : run.e.msg,
		    (unsigned long long)run.judged,
		    (unsigned long long)run.changed,
		    (unsigned long long)run.failed,
		    (unsigned long long)run.pending);
}

/* In a child, as it may die. */
static void dangerous_run(const char *dir)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		one_run(dir);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void make_server(void)
{
	fake_server_init(&sim->sv);
	sim->sv.hook = hook;
	sim->sv.has_move = !chance(3);
	sim->sv.tells_uids = !chance(4);
	sim->sv.batch = chance(2) ? 100 : 1 + pick(4);
	sim->sv.dear = chance(4) ? RULES_ASK_SIZE | RULES_ASK_RECEIVED : 0;
	/* where moves are two steps, new UIDs between them leave a message
	 * in doubt, which may then be moved twice */
	sim->may_renumber = sim->sv.has_move && chance(3);
	sim->watch_x = chance(3);
	fake_make_box(&sim->sv, "INBOX");
	fake_make_box(&sim->sv, "X");
}

static void make_old(void)
{
	int64_t now = sim->sv.now;

	sim->sv.now -= OLD_DAYS * 86400;
	for (unsigned n = pick(6); n > 0; n--)
		sim->lives[deliver("INBOX")].old = true;
	sim->sv.now = now;
}

static void settle(const char *dir)
{
	sim->odds = 0;
	for (int i = 0; i < 4; i++) {
		sim->sv.now += 4000;
		fake_land(&sim->sv);
		one_run(dir);
	}
}

static bool scenario(uint64_t seed, const char *dir)
{
	bool ok = true;

	memset(sim, 0, offsetof(struct simulation, events));
	sim->random = seed * 0x9E3779B97F4A7C15u + 1;
	for (int i = 0; i < 4; i++)
		next_random();
	make_server();
	make_rules();
	make_old();
	one_run(dir);		/* the baseline */
	for (unsigned n = 2 + pick(4); ok && n > 0; n--) {
		for (unsigned k = pick(5); k > 0; k--)
			deliver("INBOX");
		sim->odds = 2 + pick(chance(2) ? 10 : 50);
		sim->sv.now += 10 + pick(chance(2) ? 80 : 3000);
		fake_land(&sim->sv);
		dangerous_run(dir);
		ok = none_is_lost(seed);
	}
	if (ok)
		settle(dir);
	ok = ok && none_is_lost(seed);
	for (unsigned i = 0; ok && i < sim->sv.n_letters; i++)
		ok = is_right(seed, i);
	return ok;
}

static bool run_seed(uint64_t seed)
{
	struct arena *a = arena_new();
	char *dir = scratch_make(a);
	bool ok = scenario(seed, dir);

	scratch_remove(dir);
	arena_free(&a);
	return ok;
}

static uint64_t number(const char *name, uint64_t none)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : none;
}

static void test_simulation(void **state)
{
	uint64_t one = number("TAMIS_SEED", 0), n, ran = 0;

	(void)state;
	sim = mmap(NULL, sizeof(*sim), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(sim != MAP_FAILED);
	log_set_level(LOG_ERROR);
	if (one) {
		sim->loud = true;
		log_set_level(LOG_NOTE);
		assert_true(run_seed(one));
		return;
	}
	n = number("TAMIS_SEEDS", SEEDS);
	for (uint64_t seed = 1; seed <= n; seed++, ran++)
		assert_true(run_seed(seed));
	/* for the table of make sweep */
	print_message("# row: random passes | a server in memory | %llu | "
	    "0 | 0 | 0\n", (unsigned long long)ran);
	assert_int_equal(ran, n);
	/* it has seen what it was made for */
	for (int e = 1; e < EVENT_COUNT; e++) {
		print_message("# event %d: %llu times\n", e,
		    (unsigned long long)sim->events[e]);
		assert_true(n < 400 || sim->events[e] > n / 100);
	}
	munmap(sim, sizeof(*sim));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simulation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
