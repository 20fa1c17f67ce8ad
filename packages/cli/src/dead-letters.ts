import { createProducer } from '@meterstone/kafka';
import {
  type LetterCoordinates,
  type LetterFilter,
  type ReadLetters,
  RecoveryError,
  readLetters,
  replayLetters,
  toLetterId,
} from '@meterstone/recovery';
import type { Command } from 'commander';
import {
  type FilterOptions,
  parseInstant,
  parseLetter,
  parseLetters,
  parseWhole,
  toFilter,
} from './dead-letters-filter.ts';
import { letterDetails, letterFacts, lettersTable, letterText } from './dead-letters-text.ts';
import { type Connections, withConnections } from './recover-connections.ts';
import { createOutput, type Output } from './recover-output.ts';

const LIMIT_DEFAULT = 100;

type ListOptions = FilterOptions & { readonly limit: number; readonly json: boolean };
type ReplayOptions = FilterOptions & {
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
};

/** Adds the verb `dead-letters` with `list`, `show` and `replay`. */
export function registerDeadLetters(program: Command, env: NodeJS.ProcessEnv): void {
  const verb = program
    .command('dead-letters')
    .description('records that could not become rows: list them, look at one, send them again');

  withFilter(verb.command('list'))
    .description('list dead letters, the latest ones last')
    .option('--limit <letters>', 'so many at most, the latest ones', parseWhole, LIMIT_DEFAULT)
    .action((options: ListOptions) => withConnections(env, (connections) => list(connections, options)));

  verb
    .command('show')
    .argument('<id>', 'as list shows it: <stream>-<Kafka partition>-<offset>', parseLetter)
    .description('show one dead letter with its original bytes and the event in them')
    .option('--json', 'one JSON object a line instead of text', false)
    .action((id: LetterCoordinates, options: { json: boolean }) =>
      withConnections(env, (connections) => show(connections, id, createOutput(options.json))),
    );

  withFilter(verb.command('replay'))
    .argument('[ids...]', 'which letters; without any, a filter or --all', parseLetters)
    .description('send the original bytes of dead letters again; twice changes nothing')
    .option('--all', 'every letter', false)
    .option('--dry-run', 'say what would be sent, and send nothing', false)
    .action((ids: LetterCoordinates[], options: ReplayOptions, command: Command) => {
      const { code, kafkaPartition, from, to, all } = options;
      if (ids.length === 0 && !all && [code, kafkaPartition, from, to].every((part) => part === undefined)) {
        command.error('error: name letters, give a filter, or say --all');
      }
      const filter = toFilter(options, ids);
      return withConnections(env, (connections) => replay(connections, filter, options));
    });
}

function withFilter(command: Command): Command {
  return command
    .option('--code <code>', 'only with this code')
    .option('--kafka-partition <number>', 'only from this Kafka partition', parseWhole)
    .option('--from <instant>', 'only recorded from then on, UTC', parseInstant)
    .option('--to <instant>', 'only recorded before then, UTC', parseInstant)
    .option('--json', 'one JSON object a line instead of text', false);
}

async function list(connections: Connections, options: ListOptions): Promise<void> {
  const output = createOutput(options.json);
  const { letters, unreadable } = await read(connections, output, toFilter(options));
  const shown = letters.slice(-options.limit);
  if (options.json) for (const letter of shown) output.say('letter', letterFacts(letter), '');
  else if (shown.length > 0) output.say('letters', {}, lettersTable(shown));
  const more = letters.length > shown.length ? `, the latest ${shown.length} of them shown` : '';
  output.say(
    'summary',
    { letters: letters.length, shown: shown.length, unreadable },
    `${letters.length} dead letters${more}${unreadable === 0 ? '' : `; ${unreadable} records are unreadable`}`,
  );
}

async function show(connections: Connections, id: LetterCoordinates, output: Output): Promise<void> {
  const [letter] = (await read(connections, output, toFilter({}, [id]))).letters;
  if (letter === undefined) {
    throw new RecoveryError('letter_not_found', `there is no dead letter ${toLetterId(id)}`, {
      retryable: false,
    });
  }
  output.say('letter', letterDetails(letter), letterText(letter));
}

async function replay(connections: Connections, filter: LetterFilter, options: ReplayOptions): Promise<void> {
  const output = createOutput(options.json);
  const { letters } = await read(connections, output, filter);
  const producer = createProducer({ kafka: connections.kafka, topic: connections.topics.usageEvents });
  try {
    const replays = await replayLetters({
      store: connections.store,
      producer,
      letters,
      dryRun: options.dryRun,
      onProgress: (done, total) => output.progress(`replayed ${done} of ${total}`),
    });
    const counts = { sent: 0, would_send: 0, stored: 0, unfit: 0 };
    for (const { id, outcome, reason } of replays) {
      counts[outcome] += 1;
      output.say(
        'replay',
        { id, outcome, reason },
        `${id}  ${outcome}${reason === null ? '' : `  ${reason}`}`,
      );
    }
    output.say(
      'summary',
      { letters: replays.length, ...counts },
      `${replays.length} letters: ${counts.sent} sent, ${counts.would_send} would be sent, ${counts.stored} stored already, ${counts.unfit} unfit`,
    );
  } finally {
    await producer.close();
  }
}

function read({ kafka, topics }: Connections, output: Output, filter: LetterFilter): Promise<ReadLetters> {
  return readLetters({
    kafka,
    topic: topics.deadLetters,
    filter,
    onProgress: (done, total) => output.progress(`read ${done} of ${total} letters`),
  });
}
