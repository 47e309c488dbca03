import { expect, test } from 'vitest'
import { imageSerial } from '@/contracts/guest/v1/machine'
import { GuestClient } from '@/host/guest/client'
import { runToEnd, setupRequest, startRequest } from '@/host/guest/testing/requests'
import { startTestMachine } from '@/host/guest/testing/test-machine'
import { controllers } from './port'
import { unifiedSettings } from './unified'

/** The kernel of Debian 13 with version 2 alone, as a host's may be: in a VM, since this machine may have version 1. */
test("version 2's files take a VM's limits, and hold it to them", async () => {
  const settings = unifiedSettings({ memoryBytes: 16 << 20, processes: 20, cpus: 2, weight: 3 })
  const group = '/sys/fs/cgroup/ours/vm-a'
  const script = [
    // A group with processes of its own hands no controllers down; a machine's top group may.
    'cd /sys/fs/cgroup; mkdir init ours; echo 0 >init/cgroup.procs',
    ...['.', 'ours'].flatMap((folder) => controllers.map((each) => `echo +${each} >${folder}/cgroup.subtree_control || echo no ${each}`)),
    `mkdir ${group}`,
    ...controllers.flatMap((each) => settings[each]).map(({ file, value, optional }) => `${optional ? `[ ! -e ${group}/${file} ] || ` : ''}echo "${value}" >${group}/${file} || echo no ${file}`),
    `cd ${group}; cat memory.max pids.max cpu.weight cpu.max`,
    '(echo 0 >cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=48M count=1) 2>/dev/null; echo "ended $?"',
    `grep "^oom_kill " memory.events; cd /; rmdir ${group} && echo removed`,
  ].join('\n')
  const machine = await startTestMachine()
  try {
    const client = await GuestClient.connect(machine.socketPath, { helloTimeoutMs: 120_000 })
    await client.setup(setupRequest({}))
    await client.addImage({ serial: imageSerial(0), key: 'busybox' })
    const { out } = await runToEnd(client, startRequest('probe', ['sh', '-c', script], { privileged: true, memoryBytes: 64 << 20 }))
    client.close()
    expect(out).toBe('16777216\n20\n300\n200000 100000\nended 137\noom_kill 1\nremoved\n')
  } finally {
    await machine.stop()
  }
}, 300_000)
