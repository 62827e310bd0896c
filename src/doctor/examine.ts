/**
 * Examines the buses of a host, one after the other and each from the outside in: what is not there is not asked further.
 */
import type { BusSelector } from '../client/locate.ts';
import { dialectChoice } from '../dialect/choice.ts';
import type { DialectChoice } from '../dialect/choice.ts';
import type { Exchange } from './exchange.ts';
import { worstOf } from './finding.ts';
import type { Finding, Report } from './finding.ts';
import { busesFinding } from './findings/buses.ts';
import { clockFindings, readClocks } from './findings/clock.ts';
import { configurationFinding } from './findings/configuration.ts';
import { connectionFindings } from './findings/connection.ts';
import { descriptorsFinding } from './findings/descriptors.ts';
import { dialectFinding } from './findings/dialect.ts';
import { directoryFinding } from './findings/directory.ts';
import { installedSaltFinding } from './findings/installed-salt.ts';
import { leftoversFinding } from './findings/leftovers.ts';
import { minionIdFinding } from './findings/minion-id.ts';
import { pathLengthFinding } from './findings/path-length.ts';
import { roundTripFinding } from './findings/round-trip.ts';
import { socketsFinding } from './findings/sockets.ts';
import { toMasterFinding } from './findings/to-master.ts';
import { subjectsOf } from './subject.ts';
import type { Subject } from './subject.ts';
import { realDoctorSystem } from './system.ts';
import type { DoctorSystem } from './system.ts';

/** What to examine, and on which system. */
export interface ExamineOptions extends BusSelector {
  /** Taken as given instead of found out, as in `connect()`. @defaultValue `auto` */
  readonly dialect?: string;
  readonly system?: DoctorSystem;
}

// Each step has a limit of its own, so that one that hangs does not hide what the others have to say.
const CONNECT_MS = 3000;
const EXCHANGE_MS = 10_000;
const VERSION_MS = 15_000;

/** What came of one bus. */
interface Examined {
  readonly subject: Subject;
  readonly findings: readonly Finding[];
  readonly isReached: boolean;
  readonly exchange: Exchange | undefined;
}

/**
 * Examines; takes half a minute at most, and a tenth of a second where all is well and no Salt has to say its version.
 * @throws SaltbusError (rejection) `ERR_SALTBUS_USAGE` for options that contradict each other
 */
export async function examine(options: ExamineOptions = {}): Promise<Report> {
  const { system = realDoctorSystem(), dialect = 'auto', ...selector } = options;
  const choice = dialectChoice(dialect);
  const clocks = readClocks(system);
  const subjects = subjectsOf(selector, system);
  const examined = await Promise.all(subjects.map((subject) => examineBus(subject, system, choice)));
  // After the buses: it takes a processor for half a second, and would be in the way of what is timed there.
  const salt = await system.installedSalt(AbortSignal.timeout(VERSION_MS));
  const reached = examined.filter(({ isReached }) => isReached);
  const sockets = examined.flatMap(({ subject: { location } }) =>
    location?.pub.kind === 'unix' ? [location.pub.path] : [],
  );
  const findings = [
    ...examined.flatMap((bus) => bus.findings),
    busesFinding(
      reached.map(({ subject }) => subject),
      subjects,
    ),
    installedSaltFinding(salt, reached, system),
    ...clockFindings(system, clocks, sockets),
    descriptorsFinding(system),
  ];
  return { worst: worstOf(findings.map(({ level }) => level)), findings };
}

async function examineBus(subject: Subject, system: DoctorSystem, choice: DialectChoice): Promise<Examined> {
  const findings: Finding[] = [];
  const ended = (isReached = false, exchange?: Exchange): Examined => ({
    subject,
    findings,
    isReached,
    exchange,
  });
  // Adds a finding, and says whether what comes after it has any sense.
  const add = (found: Finding | undefined): boolean => {
    if (found === undefined) return true;
    findings.push(found);
    return found.level !== 'error';
  };
  const isOwn = subject.key !== subject.node;
  // For a bus of one's own the configuration says nothing that was not said already.
  if (isOwn ? subject.error !== undefined : !add(configurationFinding(subject))) return ended();
  const there = directoryFinding(subject, system);
  if (isOwn && (there?.level !== 'ok' || !hasSockets(subject, system))) return ended(); // `buses` tells
  const isAbsent = there !== undefined && !hasDirectory(subject, system);
  if (isAbsent && there.level === 'ok') {
    add(there);
    return ended();
  }
  if (!isOwn) add(minionIdFinding(subject));
  if (!add(pathLengthFinding(subject)) || !add(there) || isAbsent) return ended();
  const connecting = AbortSignal.timeout(CONNECT_MS);
  const sockets = socketsFinding(subject, system);
  const goesOn = add(sockets);
  add(await leftoversFinding(subject, system, connecting));
  if (!goesOn || !hasSockets(subject, system)) return ended();
  const connection = await connectionFindings(subject, system, connecting);
  findings.push(...connection.findings);
  const { canListen, canFire } = connection;
  if (!canListen || !canFire || subject.location === undefined) return ended(canListen || canFire);
  const exchange = await system.exchange(subject.location, choice, AbortSignal.timeout(EXCHANGE_MS));
  add(dialectFinding(subject, system, exchange, choice));
  add(roundTripFinding(subject, exchange, choice));
  add(toMasterFinding(subject));
  return ended(true, exchange);
}

// A TCP bus has neither files nor a directory, and is asked by connecting alone.
function hasSockets({ location }: Subject, system: DoctorSystem): boolean {
  if (location === undefined) return false;
  const { pub, pull } = location;
  return [pub, pull].some((end) => end.kind === 'tcp' || system.look(end.path) !== undefined);
}

function hasDirectory({ location }: Subject, system: DoctorSystem): boolean {
  if (location?.pub.kind !== 'unix') return true;
  return system.look(location.pub.path.replace(/\/[^/]*$/, '') || '/') !== undefined;
}
