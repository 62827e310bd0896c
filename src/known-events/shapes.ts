/**
 * What has to hold of the data of each known event before it is called so.
 */
import type { CommandStats, JobError, JobNew, KnownData, MinionStart } from './event-data.ts';
import {
  anything,
  flag,
  list,
  map,
  mapOf,
  mapOrList,
  nullable,
  number,
  object,
  optional,
  text,
  textOrTexts,
  texts,
} from './fields.ts';
import type { Field, Shape } from './fields.ts';

const stamp: { readonly _stamp: Field<string, true> } = { _stamp: optional(text) };

const anyway = optional(anything);

const newJob: Shape<JobNew> = {
  ...stamp,
  jid: text,
  tgt_type: text,
  tgt: textOrTexts,
  user: optional(text),
  fun: textOrTexts,
  arg: list,
  minions: texts,
  missing: optional(texts),
};

const returnFields = {
  ...stamp,
  cmd: optional(text),
  id: text,
  jid: text,
  return: anything,
  fun_args: optional(list),
  user: optional(text),
  ts: optional(number),
  out: anyway,
  metadata: anyway,
  schedule: optional(text),
  pid: optional(number),
  master_id: optional(text),
  tgt: optional(textOrTexts),
  tgt_type: optional(text),
  arg: optional(list),
};

const start: Shape<MinionStart> = {
  ...stamp,
  id: text,
  cmd: optional(text),
  pretag: optional(nullable(text)),
  tag: optional(text),
  data: text,
  ts: optional(number),
  grains: optional(map),
};

const runFields = { ...stamp, fun: text, jid: text, user: optional(text), fun_args: optional(list) };

const wheelFields = { ...stamp, fun: text, jid: text, tag: optional(text), user: optional(text) };

/** The shapes by the kind of event. */
export const SHAPES: { readonly [Kind in keyof KnownData]: Shape<KnownData[Kind]> } = {
  'job-new': newJob,
  'legacy-job-new': newJob,
  'job-publish': {
    ...stamp,
    jid: text,
    tgt_type: text,
    tgt: textOrTexts,
    fun: textOrTexts,
    arg: list,
    ret: anyway,
    user: optional(text),
    ret_config: anyway,
    ret_kwargs: anyway,
    metadata: anyway,
  },
  'job-return': { ...returnFields, fun: text, retcode: number, success: optional(flag) },
  'job-multi-return': { ...returnFields, fun: texts, retcode: mapOrList, success: optional(mapOrList) },
  'job-progress': {
    ...stamp,
    id: optional(text),
    jid: optional(text),
    data: optional(map),
    ret: anyway,
    len: optional(number),
  },
  'job-error': {
    ...stamp,
    jid: optional(text),
    error: object<JobError['error']>({ name: text, message: text }),
  },
  'job-sub-error': {
    ...stamp,
    jid: text,
    id: text,
    retcode: number,
    success: optional(flag),
    return: anyway,
  },
  'job-start': {
    ...stamp,
    id: text,
    jid: text,
    fun: nullable(textOrTexts),
    tgt: anyway,
    tgt_type: optional(nullable(text)),
    user: optional(nullable(text)),
    master_id: optional(text),
    metadata: anyway,
  },
  'job-minions': { ...stamp, minions: texts },
  'state-result': { ...stamp, id: optional(text), jid: optional(text), data: optional(map), ret: anyway },
  batch: stamp,
  auth: { ...stamp, result: flag, act: optional(text), id: text, pub: text, autosign_grains: anyway },
  key: { ...stamp, result: flag, act: text, id: text },
  'key-rotation': { ...stamp, rotate_aes_key: flag, rotate_cluster_aes_key: optional(flag) },
  'minion-start': start,
  'legacy-minion-start': start,
  'minion-refresh': { ...stamp, 'Minion data cache refresh': text },
  'resource-refresh': { ...stamp, 'Resource cache refresh': text },
  'minion-ping': stamp,
  'presence-present': { ...stamp, present: texts },
  'presence-change': { ...stamp, new: texts, lost: texts },
  beacon: { ...stamp, id: text },
  'run-new': runFields,
  'run-return': { ...runFields, return: anything, success: flag, retcode: optional(number) },
  'run-args': { ...stamp, name: text, type: text, tgt: textOrTexts, args: anything },
  'run-progress': { ...stamp, data: anything, outputter: optional(text) },
  'wheel-new': wheelFields,
  'wheel-return': { ...wheelFields, return: anything, success: flag },
  cloud: {
    ...stamp,
    event: optional(text),
    name: optional(text),
    provider: optional(text),
    profile: optional(text),
  },
  'fileserver-update': { ...stamp, changed: flag, files: optional(map), backend: text },
  'queue-process': { ...stamp, items: list, backend: text, queue: text },
  'netapi-hook': { ...stamp, post: anyway, headers: map, body: anyway, get: anyway },
  'reactors-manage': { ...stamp, event: anyway, reactors: anyway },
  scheduler: stamp,
  engine: stamp,
  stats: {
    ...stamp,
    time: number,
    worker: text,
    stats: mapOf(object<CommandStats>({ mean: number, runs: number })),
  },
  'event-listen-start': stamp,
  'salt-error': stamp,
  'syndic-start': start,
  'legacy-syndic-start': start,
  'cluster-peer': stamp,
  'minion-command': stamp,
  'master-request': stamp,
  'master-reply': { ...stamp, ret: anything, error: optional(text) },
  completion: { ...stamp, complete: flag, schedule: optional(map), beacons: anyway },
};
