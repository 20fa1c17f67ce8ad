import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** What each workspace may import of the others. An arrow that is not here does not exist. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  metering: [],
  providers: ['metering'],
  'price-book': ['metering'],
  events: ['metering'],
  store: ['metering'],
  runtime: [],
  kafka: ['runtime'],
  journal: ['events', 'kafka', 'metering', 'runtime'],
  recovery: ['events', 'kafka', 'metering', 'runtime', 'store'],
  control: ['metering', 'price-book', 'runtime'],
  'local-stack': [],
  demo: [],
  cli: [
    'control',
    'demo',
    'events',
    'journal',
    'kafka',
    'local-stack',
    'metering',
    'recovery',
    'runtime',
    'store',
  ],
  proxy: ['control', 'events', 'journal', 'kafka', 'metering', 'providers', 'runtime'],
  aggregator: ['control', 'events', 'kafka', 'metering', 'recovery', 'runtime', 'store'],
  reporting: ['control', 'metering', 'runtime', 'store'],
};

/** Outside packages that stay behind one door. */
const ONE_DOOR: Record<string, readonly string[]> = {
  kafkajs: ['kafka'],
  '@clickhouse/client': ['store'],
  avsc: ['events'],
  undici: ['proxy'],
  yaml: ['control', 'demo'],
};

const FILE_LINES_MAX = 400;
const TEST_LINES_MAX = 600;

interface Source {
  readonly path: string;
  readonly workspace: string;
  readonly text: string;
  readonly imports: readonly string[];
  readonly isTest: boolean;
}

const sources = ['packages', 'services'].flatMap((folder) =>
  readdirSync(join(ROOT, folder)).flatMap((workspace) =>
    readSources(join(ROOT, folder, workspace), workspace),
  ),
);
const product = sources.filter((source) => !source.isTest);

describe('imports run one way', () => {
  it('knows every workspace', () => {
    expect([...new Set(sources.map((source) => source.workspace))].sort()).toEqual(
      Object.keys(MAY_IMPORT).sort(),
    );
  });

  it('lets a workspace import only what its place allows', () => {
    const wrong = product.flatMap((source) =>
      source.imports
        .filter((name) => name.startsWith('@meterstone/'))
        .map((name) => name.slice('@meterstone/'.length))
        .filter((name) => !MAY_IMPORT[source.workspace]?.includes(name))
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('reaches another workspace by its one entry, never by a path into it', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((name) => leavesWorkspace(source, name))
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('declares what it imports', () => {
    const wrong = product.flatMap((source) => {
      const declared = declaredBy(source);
      return source.imports
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !name.startsWith('#'))
        .map(packageOf)
        .filter((name) => !declared.has(name))
        .map((name) => `${source.path} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps each outside driver behind one door', () => {
    const wrong = product.flatMap((source) =>
      source.imports
        .map(packageOf)
        .filter((name) => ONE_DOOR[name] !== undefined && !ONE_DOOR[name].includes(source.workspace))
        .map((name) => `${source.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps the domain free of everything outside it', () => {
    const wrong = product
      .filter((source) => ['metering', 'providers'].includes(source.workspace))
      .flatMap((source) =>
        source.imports.filter((name) => !name.startsWith('.') && name !== '@meterstone/metering'),
      );
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  it('stay under their line limit', () => {
    const long = [...sources, ...readSources(join(ROOT, 'test'), 'test')]
      .map((source) => ({
        path: source.path,
        lines: source.text.split('\n').length - 1,
        max: source.isTest ? TEST_LINES_MAX : FILE_LINES_MAX,
      }))
      .filter(({ lines, max }) => lines > max)
      .map(({ path, lines }) => `${path}: ${lines} lines`);
    expect(long).toEqual([]);
  });

  it('have names that say a noun', () => {
    const drawers = sources.filter((source) =>
      /(^|\/)(utils?|helpers?|common|misc|types)(\.ts|\/)/.test(source.path),
    );
    expect(drawers.map((source) => source.path)).toEqual([]);
  });

  it('read the clock and the environment only where a program is composed', () => {
    // kafkajs-patches.ts speaks for a library that reads the clock itself.
    const composed = /(^|\/)(main|up|kafkajs-patches)\.ts$|packages\/(cli|demo|local-stack)\//;
    const wrong = product
      .filter((source) => !composed.test(source.path))
      .filter((source) =>
        /\bDate\.now\(\)|new Date\(\)|Math\.random\(\)|\bprocess\.env\b/.test(withoutComments(source.text)),
      )
      .map((source) => source.path);
    expect(wrong).toEqual([]);
  });

  it('re-export names singly', () => {
    const wrong = product.filter((source) => /export \* from/.test(source.text)).map((source) => source.path);
    expect(wrong).toEqual([]);
  });
});

describe('money', () => {
  const MONEY_FILES = /money|rat(e|ing)|price|plan|charge|cost|amount|credits/;

  // These hold counts and weights that are safe integers; `tariff.test.ts` holds what comes of them to `rateUsage`.
  const EXACT_ARRAYS = /metering\/src\/(rate-by-)?tariff\.ts$|fast-lane\/rating-memory\.ts$/;

  it('is never parsed or rounded as a float', () => {
    const wrong = product
      .filter((source) => MONEY_FILES.test(source.path))
      .flatMap((source) =>
        [
          ...withoutComments(source.text).matchAll(
            EXACT_ARRAYS.test(source.path)
              ? /parseFloat|toFixed\(|Math\.round|Float32|Float64(?!Array)/g
              : /parseFloat|toFixed\(|Math\.round|Float(32|64)/g,
          ),
        ].map((match) => `${source.path}: ${match[0]}`),
      );
    expect(wrong).toEqual([]);
  });

  it('has no float column and no float field', () => {
    const ddl = product.filter(
      (source) => source.workspace === 'store' && /Float(32|64)(?!Array)/.test(source.text),
    );
    expect(ddl.map((source) => source.path)).toEqual([]);
    for (const schema of ['usage-event/1.avsc', 'dead-letter/1.avsc']) {
      expect(readFileSync(join(ROOT, 'schemas', schema), 'utf8')).not.toMatch(/"(float|double)"/);
    }
  });
});

function readSources(folder: string, workspace: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.split(sep).includes('node_modules'))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(path, 'utf8');
      return {
        path: relative(ROOT, path).split(sep).join('/'),
        workspace,
        text,
        imports: importsOf(text),
        isTest: name.endsWith('.test.ts') || workspace === 'test',
      };
    });
}

function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const statements = code.matchAll(/^(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?'([^']+)'/gm);
  const calls = code.matchAll(/\bimport\('([^']+)'\)/g);
  return [...statements, ...calls].map((match) => match[1] ?? '');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"])\/\/.*$/gm, '$1');
}

function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

function leavesWorkspace(source: Source, name: string): boolean {
  if (name.startsWith('@meterstone/')) return name.split('/').length > 2;
  if (!name.startsWith('.')) return false;
  const target = relative(ROOT, join(ROOT, dirname(source.path), name)).split(sep);
  const home = source.path.split('/').slice(0, 2);
  return target[0] !== 'test' && (target[0] !== home[0] || target[1] !== home[1]);
}

function declaredBy(source: Source): Set<string> {
  const home = source.path.split('/').slice(0, 2).join('/');
  const manifest = JSON.parse(readFileSync(join(ROOT, home, 'package.json'), 'utf8'));
  const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(root.devDependencies),
    manifest.name,
  ]);
}
