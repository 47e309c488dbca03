/** One processor under software emulation, with its barriers, as a pod's VM has it (docs/adr/0065). */
export const bareProcessor: readonly string[] = ['-smp', '1,maxcpus=2,sockets=2,cores=1,threads=1']
/** With it, for the guest's kernel. */
export const bareProcessorArgument = 'possible_cpus=1'
