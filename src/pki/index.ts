/** Salt's key directories on disk, for whoever works on them: our master, and the command line beside any master. */
export { takeDropFile, writeDropFile } from './drop-file.ts';
export {
  makePrivateDirectory,
  readSmallFile,
  readSmallFileAsync,
  systemError,
  versionOf,
  writeFileAtomic,
} from './files.ts';
export type { FileRead } from './files.ts';
export {
  AUTOSIGN_DIRECTORY,
  KEY_STATES,
  MAX_KEY_FILE,
  STATE_DIRECTORY,
  keyFile,
  stateDirectory,
} from './layout.ts';
export type { KeyState } from './layout.ts';
export { isMinionId } from '../codec/load/names.ts';
export { ownerFor, userName, usersIn } from './owner.ts';
export type { Owner } from './owner.ts';
