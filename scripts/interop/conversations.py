"""Plays recorded conversations at a hub and asks their questions again, for scripts/interop/adopt.mjs.

play: plays all conversations at one hub of Koji's, so that they fill its database, and writes their reading steps to a file.
ask: asks these questions at a hub, in the sessions of the conversations, and writes the answers; with --before, compares them.
"""
import argparse
import json
import os
import sys
import xmlrpc.client

parser = argparse.ArgumentParser()
parser.add_argument('action', choices=['play', 'ask'])
parser.add_argument('--folder', required=True, help='the folder of the recorded conversations')
parser.add_argument('--url', required=True)
parser.add_argument('--questions', required=True, help='file: the questions and sessions')
parser.add_argument('--database', help="(play) Koji's database, for passwords")
parser.add_argument('--topdir', help='(play) KojiDir')
parser.add_argument('--answers', help='(ask) file: the answers')
parser.add_argument('--before', help='(ask) file: answers to compare with')
options = parser.parse_args()
sys.path.insert(0, options.folder)
import replay  # noqa: E402
import wire  # noqa: E402
from session import Hub, Session  # noqa: E402


class Conversation(replay.Replay):
    def op_password(self, step):
        import psycopg2
        with psycopg2.connect(options.database) as connection, connection.cursor() as cursor:
            cursor.execute('UPDATE users SET password = %s WHERE name = %s', (step['password'], step['user']))
        return None


def play(reading):
    questions, sessions, agree, total, seen = [], {}, 0, 0, set()
    folder = os.path.join(options.folder, 'transcripts')
    for file in sorted(os.listdir(folder)):
        talk = Conversation(options.url, None, options.topdir)
        with open(os.path.join(folder, file)) as lines:
            steps = [json.loads(line) for line in lines][1:]
        for step in steps:
            total += 1
            agree += talk.step(step) is None
        for step in steps:
            if step.get('op', 'call') != 'call' or step['m'] not in reading:
                continue
            try:
                args, named = (wire.from_json(step.get(part, empty), talk.results) for part, empty in (('a', []), ('k', {})))
            except (KeyError, IndexError, TypeError):
                continue
            name = '%s %s' % (file, step['s'])
            question = {'session': name, 'method': step['m'], 'args': wire.to_json(args), 'named': wire.to_json(named)}
            if json.dumps(question) not in seen:
                seen.add(json.dumps(question))
                questions.append(question)
        for name, session in talk.sessions.items():
            sessions['%s %s' % (file, name)] = [session.sid, session.key, session.callnum]
    save(options.questions, {'questions': questions, 'sessions': sessions})
    print(json.dumps({'questions': len(questions), 'steps': total, 'agree': agree}))


def ask():
    with open(options.questions) as file:
        state = json.load(file)
    hub, sessions, answers = Hub(options.url), {}, []
    for name, known in state['sessions'].items():
        sessions[name] = Session(hub, name)
        sessions[name].sid, sessions[name].key, sessions[name].callnum = known
    for question in state['questions']:
        args, named = (wire.from_json(question[part], {}) for part in ('args', 'named'))
        try:
            answers.append(['result', wire.to_json(sessions[question['session']].call(question['method'], args, named))])
        except xmlrpc.client.Fault as fault:
            answers.append(['fault', fault.faultCode, fault.faultString])
        except Exception as error:
            answers.append(['broken', str(error)])
    if options.answers:
        save(options.answers, answers)
        # The next hub goes on with the numbers of calls where this one stood.
        state['sessions'] = {name: [one.sid, one.key, one.callnum] for name, one in sessions.items()}
        save(options.questions, state)
    if not options.before:
        return
    with open(options.before) as file:
        before = json.load(file)
    different = [(question, one, other) for question, one, other in zip(state['questions'], before, answers)
                 if not same_answer(question, one, other)]
    for question, one, other in different:
        print('--- %s\n%.2000s\n+++\n%.2000s' % (json.dumps(question), json.dumps(one), json.dumps(other)))
    print(json.dumps({'questions': len(answers), 'results': sum(one[0] == 'result' for one in before),
                      'different': len(different)}))


def same_answer(question, one, other):
    if one[:2] == ['fault', 1] and other[0] != 'broken':
        return True  # Koji broke inside: any orderly answer is as good.
    if one[0] != other[0]:
        return False
    if one[0] != 'result':
        # The text of 1019 names functions of Koji's code.
        return one[1] == other[1] and (one[1] == 1019 or replay.shape(one[2]) == replay.shape(other[2]))
    # Koji's listHosts takes an order and does not look at it.
    ordered = '"order"' in json.dumps([question['args'], question['named']]) and question['method'] != 'listHosts'
    options_of = (question['named'].get('queryOpts') or {}) if isinstance(question['named'], dict) else {}
    rows = [row for answer in (one, other) for row in (answer[1] if isinstance(answer[1], list) else [None])]
    if 'limit' in options_of and 'order' in options_of and all(isinstance(row, dict) for row in rows):
        # Of rows that are alike in what they are ordered by, either may be left out.
        keys = [key.strip().lstrip('-') for key in options_of['order'].split(',')]
        one, other = (['result', [{key: row.get(key) for key in keys} for row in answer[1]]] for answer in (one, other))
    without = moving if question['method'] == 'getSessionInfo' else ()
    return comparable(one[1], ordered, without) == comparable(other[1], ordered, without)


# What the asking itself changes of the session that asks.
moving = ('callnum', 'update_time', 'update_ts')


def comparable(value, ordered, without):
    """A value whose lists are in one order, if they have none of their own."""
    if isinstance(value, dict):
        return {key: comparable(one, ordered, without) for key, one in value.items() if key not in without}
    if isinstance(value, list):
        items = [comparable(one, ordered, without) for one in value]
        return items if ordered else sorted(items, key=lambda one: json.dumps(one, sort_keys=True))
    return value


def save(name, value):
    with open(name, 'w') as file:
        json.dump(value, file)


if options.action == 'play':
    play(set(json.load(sys.stdin)))
else:
    ask()
