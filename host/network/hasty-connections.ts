/**
 * Kernel settings of a namespace that strangers ask: connections that were not completed yet, or are over, are forgotten soon, in seconds. The bridge of the outside bounds how many there are at a time
 * by the same (host/external/bridge-rules.ts). They are there once a packet filter looks at connections, and not in every kernel.
 */
export const HASTY_CONNECTIONS = { 'net.netfilter.nf_conntrack_tcp_timeout_syn_sent': 10, 'net.netfilter.nf_conntrack_tcp_timeout_syn_recv': 10, 'net.netfilter.nf_conntrack_tcp_timeout_time_wait': 10 } as const
