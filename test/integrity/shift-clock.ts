import { readFileSync } from 'node:fs';

/**
 * Loaded into a service before its own code: at SIGUSR2 its clock jumps by the milliseconds that stand in the file that
 * INTEGRITY_CLOCK_FILE names. Only the clock of days jumps; what measures spans does not, as on a real machine.
 */
const readClock = Date.now.bind(Date);
let shiftMs = 0;
Date.now = () => readClock() + shiftMs;
process.on('SIGUSR2', () => {
  shiftMs = Number(readFileSync(process.env['INTEGRITY_CLOCK_FILE'] ?? '', 'utf8'));
});
