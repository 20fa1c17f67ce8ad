// Every npm script runs the Node that the dependency `node` installs, whatever Node the machine has. Where its
// install script was not allowed to run, an old Node would fail later with a puzzling message; this one is clear.
const MAJOR_MIN = 26;
const major = Number(process.versions.node.split('.')[0]);
if (major < MAJOR_MIN) {
  process.stderr.write(
    `Meterstone runs on Node ${MAJOR_MIN}, which 'npm ci' installs as the dependency 'node'; this is Node ${process.version}.\n` +
      `Its install script did not run: try 'npm rebuild node' (npm 11: package.json already allows it).\n`,
  );
  process.exit(1);
}
