/** A first peering to write from. */
export const peeringSketch = (network: string) => `apiVersion: v1
kind: NetworkPeering
metadata:
  name: ${network}-to-other
spec:
  network: ${network}
  peer:
    network: other
`
