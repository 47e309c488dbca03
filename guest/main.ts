import * as std from 'qjs:std'
import { agentPortName } from '@/contracts/guest/v1/machine'
import { Agent } from '@/guest/agent'
import { listFolder, readText } from '@/guest/files'
import { findPort } from '@/guest/link'
import { startReaping } from '@/guest/processes'

const device = findPort(agentPortName, readText, listFolder)
if (!device) {
  std.err.puts(`agent: no virtio-serial port is named ${agentPortName}\n`)
  std.exit(1)
}
startReaping()
new Agent(device)
