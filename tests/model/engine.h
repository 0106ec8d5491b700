/*
 * Explores a model: every state that can be reached, breadth first, or random walks where they are too many.
 *
 * A state is a plain struct of bytes, zeroed before use, so that equal states are equal bytes. A model gives
 * the states that may follow one, each with the name of what happened. Faults are told apart from steps that the
 * system takes by itself: a state that only a fault can leave is an end, and must be a good one.
 */
#ifndef MODEL_ENGINE_H
#define MODEL_ENGINE_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

using u8 = uint8_t;

enum Kind { STEP, FAULT };

/* What follows one state. `violation`: the first rule that was broken on the way to one of them. */
template <class State> struct Successors {
	struct Next {
		State state;
		const char *action;
		u8 subject; /* the lane, partition ... of the action */
		Kind kind;
	};
	std::vector<Next> next;
	const char *violation = nullptr, *violator = nullptr;

	void clear()
	{
		next.clear();
		violation = nullptr;
	}
	void add(const State &state, const char *action, int subject, Kind kind, const char *broken = nullptr)
	{
		if (broken == nullptr) {
			next.push_back({state, action, u8(subject), kind});
		} else if (violation == nullptr) {
			violation = broken;
			violator = action;
		}
	}
};

enum Verdict { GOOD, BROKEN, TOO_MANY };

/* Model: State start(); void successors(const State &, Successors<State> &); const char *end(const State &), what is
 * wrong with a state that nothing but a fault leaves, or null. */
template <class Model> class Explorer {
	using State = typename Model::State;
	static_assert(alignof(State) == 1, "padding would tell equal states apart");

	const Model &model;
	std::vector<State> states;
	std::vector<uint32_t> parents, table;
	std::vector<std::pair<const char *, u8>> labels;

	static uint64_t hash(const State &state)
	{
		const u8 *bytes = reinterpret_cast<const u8 *>(&state);
		uint64_t mix = 0x9e3779b97f4a7c15;

		for (size_t i = 0; i < sizeof state; i += 8) {
			uint64_t word = 0;

			memcpy(&word, bytes + i, sizeof state - i < 8 ? sizeof state - i : 8);
			mix = (mix ^ word) * 0xff51afd7ed558ccd;
			mix ^= mix >> 32;
		}
		return mix;
	}

	void grow()
	{
		table.assign(table.empty() ? 1 << 16 : 2 * table.size(), 0);
		for (uint32_t i = 0; i < states.size(); i++)
			table[place(states[i])] = i + 1;
	}

	size_t place(const State &state) const
	{
		size_t at = hash(state) & (table.size() - 1);

		while (table[at] != 0 && memcmp(&states[table[at] - 1], &state, sizeof state) != 0)
			at = (at + 1) & (table.size() - 1);
		return at;
	}

	void add(const State &state, uint32_t parent, const char *action, u8 subject)
	{
		if (2 * states.size() >= table.size())
			grow();
		size_t at = place(state);

		if (table[at] != 0)
			return;
		states.push_back(state);
		parents.push_back(parent);
		labels.push_back({action, subject});
		table[at] = uint32_t(states.size());
	}

	void trace(uint32_t at) const
	{
		if (at == 0)
			return;
		trace(parents[at]);
		printf("    %s %d\n", labels[at].first, labels[at].second);
	}

public:
	explicit Explorer(const Model &model) : model(model) {}

	Verdict all(size_t most, bool show)
	{
		Successors<State> found;
		uint64_t steps = 0, ends = 0;

		add(model.start(), 0, "", 0);
		for (uint32_t i = 0; i < states.size(); i++) {
			bool moves = false;
			const char *wrong;

			found.clear();
			model.successors(State(states[i]), found);
			wrong = found.violation;
			for (const auto &next : found.next) {
				moves = moves || next.kind == STEP;
				add(next.state, i, next.action, next.subject);
			}
			steps += found.next.size();
			if (!moves && wrong == nullptr) {
				wrong = model.end(states[i]);
				found.violator = "(nothing more happens)";
				ends++;
			}
			if (wrong != nullptr) {
				if (show)
					trace(i);
				if (show)
					printf("    %s\n", found.violator);
				printf("BROKEN: %s (%zu states)\n", wrong, states.size());
				return BROKEN;
			}
			if (states.size() > most) {
				printf("TOO MANY: no rule broken in %u of %zu states\n", i, states.size());
				return TOO_MANY;
			}
		}
		printf("good: %zu states, %llu steps, %llu ends\n", states.size(), (unsigned long long)steps,
			(unsigned long long)ends);
		return GOOD;
	}

	/* For `seconds`; one step in `one_fault_in` is a fault, where there is one. */
	Verdict walk(uint64_t seed, double seconds, unsigned one_fault_in, bool show) const
	{
		clock_t began = clock();
		uint64_t random = seed * 2654435769u + 88172645463325252u, runs = 0, steps = 0;
		Successors<State> found;

		auto roll = [&random]() {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			return random;
		};
		for (; double(clock() - began) / CLOCKS_PER_SEC < seconds; runs++) {
			std::vector<std::pair<const char *, u8>> way;
			State state = model.start();

			for (;;) {
				std::vector<size_t> kinds[2];
				const char *wrong;

				found.clear();
				model.successors(state, found);
				for (size_t i = 0; i < found.next.size(); i++)
					kinds[found.next[i].kind].push_back(i);
				wrong = found.violation;
				if (wrong == nullptr && kinds[STEP].empty()) {
					wrong = model.end(state);
					found.violator = "(nothing more happens)";
				}
				if (wrong != nullptr) {
					for (auto &[action, subject] : way)
						if (show)
							printf("    %s %d\n", action, subject);
					printf("BROKEN: %s after %s, in walk %llu\n", wrong, found.violator,
						(unsigned long long)runs + 1);
					return BROKEN;
				}
				Kind kind = kinds[STEP].empty() || (!kinds[FAULT].empty() && roll() % one_fault_in == 0)
						    ? FAULT : STEP;

				if (kinds[kind].empty() || (kinds[STEP].empty() && roll() % 2 == 0))
					break;
				const auto &next = found.next[kinds[kind][roll() % kinds[kind].size()]];

				way.push_back({next.action, next.subject});
				state = State(next.state);
				steps++;
			}
		}
		printf("good: %llu walks, %llu steps\n", (unsigned long long)runs, (unsigned long long)steps);
		return GOOD;
	}
};

/* An option of a model: name=number; of a rule to break: break=name. */
struct Option {
	const char *name;
	int *value;
};

/* Reads them; false, with a line, when one is none. `rules`: names, in the order of their numbers from 1, which
 * the word `rules` prints. */
inline bool read_options(int count, char **words, const std::vector<Option> &options,
	const std::vector<const char *> &rules, int *broken)
{
	if (count == 2 && strcmp(words[1], "rules") == 0) {
		for (const char *rule : rules)
			puts(rule);
		exit(0);
	}
	for (int i = 1; i < count; i++) {
		const char *equals = strchr(words[i], '=');
		std::string name(words[i], equals == nullptr ? strlen(words[i]) : size_t(equals - words[i]));
		bool known = false;

		for (const Option &option : options)
			if (equals != nullptr && name == option.name) {
				*option.value = atoi(equals + 1);
				known = true;
			}
		for (size_t rule = 0; rule < rules.size(); rule++)
			if (equals != nullptr && name == "break" && strcmp(equals + 1, rules[rule]) == 0) {
				*broken = int(rule) + 1;
				known = true;
			}
		if (!known) {
			fprintf(stderr, "'%s' is no option of this model\n", words[i]);
			return false;
		}
	}
	return true;
}

#endif
