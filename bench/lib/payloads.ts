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

/** The return of a small state run, about 4 kB. */
export const STATE_RETURN: Readonly<Record<string, unknown>> = {
  ...JOB_RETURN,
  fun: 'state.apply',
  return: Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [
      `file_|-configuration_${index}_|-/etc/app/conf.d/${index}.conf_|-managed`,
      {
        changes: {},
        comment: `File /etc/app/conf.d/${index}.conf is in the correct state`,
        name: `/etc/app/conf.d/${index}.conf`,
        result: true,
        __sls__: 'app.config',
        __run_num__: index,
        start_time: '10:10:10.123456',
        duration: 12.345 + index,
        __id__: `configuration_${index}`,
      },
    ]),
  ),
};
