/** A job return of about 400 bytes, as a master's bus is full of. */
export const JOB_RETURN_TAG = 'salt/job/20241122101010123456/ret/web01.example.com';

export const JOB_RETURN: Readonly<Record<string, unknown>> = {
  cmd: '_return',
  id: 'web01.example.com',
  success: true,
  return: { pid: 4711, retcode: 0, stdout: 'OK: 123 processes with 0 zombies'.padEnd(96, '.'), stderr: '' },
  retcode: 0,
  jid: '20241122101010123456',
  fun: 'cmd.run_all',
  fun_args: ['/usr/lib/nagios/plugins/check_procs -w 150 -c 200'],
  user: 'root',
  ts: 1732288801,
};
