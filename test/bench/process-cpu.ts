import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that processes have used so far. Linux only: it reads `/proc`. */
export interface CpuMeter {
  /** User and system time since the meter was made, microseconds; of children that ended too, once waited for. */
  readonly microseconds: () => number;
}

/** `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that Node runs on: readings are whole 10 ms. */
const TICKS_PER_SECOND = 100;
const MICROSECONDS_PER_TICK = 1_000_000 / TICKS_PER_SECOND;
/** Fields after the name, which ends with the last `)`: state is 0. */
const FIELD = { parent: 1, utime: 11, stime: 12, childUtime: 13, childStime: 14 } as const;

/** Meters a process with all its descendants. */
export function meterCpu(pid: number): CpuMeter {
  const start = treeTicks(pid);
  return { microseconds: () => (treeTicks(pid) - start) * MICROSECONDS_PER_TICK };
}

function treeTicks(root: number): number {
  const children = childrenByParent();
  const pending = [root];
  let ticks = 0;
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    const stat = readStat(pid);
    if (stat === null) {
      if (pid === root) throw new Error(`process ${root} is gone`);
      continue;
    }
    ticks += stat.ticks;
    pending.push(...(children.get(pid) ?? []));
  }
  return ticks;
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    if (stat !== null) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  return children;
}

/** `null`: it ended meanwhile. */
function readStat(pid: number): { parent: number; ticks: number } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const at = (field: number) => Number(fields[field]);
  return {
    parent: at(FIELD.parent),
    ticks: at(FIELD.utime) + at(FIELD.stime) + at(FIELD.childUtime) + at(FIELD.childStime),
  };
}
