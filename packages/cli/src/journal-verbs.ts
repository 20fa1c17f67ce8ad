import { join } from 'node:path';
import {
  abandonJournal,
  type JournalStatus,
  type ReplayedAll,
  readJournalStatus,
  readTopicNow,
  replayJournals,
} from '@meterstone/journal';
import { createBatchProducer, createKafka, topicNames } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import type { Command } from 'commander';
import { createOutput, type Output } from './recover-output.ts';
import { textTable } from './text-table.ts';
import { readUpSettings } from './up-settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Adds the verb `journal` with `status`, `replay` and `abandon`: what proxies have not brought to Kafka yet. */
export function registerJournal(program: Command, env: Environment): void {
  const verb = program
    .command('journal')
    .description('what proxies have not brought to Kafka yet: look at it, send it, or give it up');

  withJson(verb.command('status'))
    .description('list the journals in the folder with what is unsettled in each')
    .action(({ json }: { json: boolean }) => status(env, json));

  withJson(verb.command('replay'))
    .description('send what dead proxies left, as a starting proxy does; those of living ones are left alone')
    .action(({ json }: { json: boolean }) => replay(env, createOutput(json)));

  withJson(verb.command('abandon'))
    .argument('<journal>', 'its name, as status shows it')
    .description('remove the journal of a dead proxy without sending it: what is unsettled in it is lost')
    .option('--yes', 'yes, lose it', false)
    .action(async (name: string, { yes, json }: { yes: boolean; json: boolean }, command: Command) => {
      if (!yes) {
        command.error('error: what is unsettled is lost for ever; look at `journal status` and say --yes');
      }
      await abandon(env, name, createOutput(json));
    });
}

function withJson(command: Command): Command {
  return command.option('--json', 'one JSON object a line instead of text', false);
}

async function status(env: Environment, json: boolean): Promise<void> {
  const output = createOutput(json);
  const { folder } = await settingsOf(env);
  const journals = await readJournalStatus(folder);
  for (const journal of json ? journals : []) {
    output.say('journal', factsOf(journal), '');
  }
  const text = journals.length === 0 ? `no journal in ${folder}: everything is settled` : tableOf(journals);
  output.say('summary', { journals: journals.length, ...sumsOf(journals) }, text);
}

async function replay(env: Environment, output: Output): Promise<void> {
  const { folder, brokers, topic, kafkaPartitions } = await settingsOf(env);
  const progress = createLogger({
    service: 'meterstone',
    level: 'info',
    destination: { write: (line: string) => output.progress(progressText(line)) },
  });
  const silent = createLogger({ service: 'meterstone', level: 'silent' });
  const kafka = createKafka({ brokers, clientId: 'meterstone-cli', logger: silent });
  const producer = createBatchProducer({ kafka, topic, kafkaPartitions });
  let replayed: ReplayedAll;
  try {
    replayed = await replayJournals(folder, {
      producer,
      topic,
      readTopic: () => readTopicNow(kafka, topic),
      sourceRef: 'meterstone-cli',
      instance: 'meterstone-cli',
      pid: process.pid,
      signal: new AbortController().signal,
      logger: progress,
      now: Date.now,
    });
  } finally {
    await producer.close(CLOSE_MS_MAX);
  }
  const { journals, events, orphans, moved, tornBytes, locked, failed } = replayed;
  output.say(
    'summary',
    { journals, events, orphans, moved, torn_bytes: tornBytes, locked, failed },
    `${journals} journals replayed: ${events} events and ${orphans} orphans sent, ${moved} of them to other Kafka partitions, ${tornBytes} bytes were torn; ${locked} belong to living processes, ${failed} failed`,
  );
  if (failed > 0) {
    throw new Error(`${failed} journals could not be replayed`);
  }
}

async function abandon(env: Environment, name: string, output: Output): Promise<void> {
  const { folder } = await settingsOf(env);
  const lost = await abandonJournal(folder, name);
  if (lost === null) {
    throw new Error(`there is no journal ${name} in ${folder}, or its process lives`);
  }
  output.say(
    'abandoned',
    factsOf(lost),
    `${name} is removed; lost with it: ${lost.unsettled} events and ${lost.openNotes} attempts without one`,
  );
}

const CLOSE_MS_MAX = 10_000;

async function settingsOf(env: Environment) {
  const { settings } = await readUpSettings(env);
  return {
    folder: join(settings.folder, 'journal'),
    brokers: settings.kafkaBrokers,
    topic: topicNames(settings.topicPrefix).usageEvents,
    kafkaPartitions: settings.kafkaPartitions,
  };
}

function factsOf(journal: JournalStatus) {
  return {
    name: journal.name,
    locked: journal.isLocked,
    instance: journal.opened?.instance ?? null,
    pid: journal.opened?.pid ?? null,
    topic: journal.opened?.topic ?? null,
    topic_id: journal.opened?.topicId ?? null,
    segments: journal.segments,
    bytes: journal.bytes,
    unsettled: journal.unsettled,
    open_attempts: journal.openNotes,
    torn_bytes: journal.tornBytes,
  };
}

function sumsOf(journals: readonly JournalStatus[]) {
  return {
    unsettled: journals.reduce((sum, { unsettled }) => sum + unsettled, 0),
    open_attempts: journals.reduce((sum, { openNotes }) => sum + openNotes, 0),
  };
}

function tableOf(journals: readonly JournalStatus[]): string {
  return textTable(
    ['journal', 'process', 'bytes', 'unsettled', 'open attempts', 'torn bytes'],
    journals.map(({ name, isLocked, bytes, unsettled, openNotes, tornBytes }) => [
      name,
      isLocked ? 'lives' : 'dead',
      bytes,
      unsettled,
      openNotes,
      tornBytes,
    ]),
  );
}

/** A line of the log as a line of progress: the message and its numbers. */
function progressText(line: string): string {
  // Written by our own logger: one JSON object.
  const { msg, journal, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const numbers = Object.entries(facts).filter(
    ([name, value]) => typeof value === 'number' && !['level', 'time', 'pid'].includes(name),
  );
  const told = numbers.map(([name, value]) => `${name} ${value}`).join(', ');
  return `${msg}${journal === undefined ? '' : ` ${journal}`}${told === '' ? '' : `: ${told}`}`;
}
