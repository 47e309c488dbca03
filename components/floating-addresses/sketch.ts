/** A first address to write from. */
export const floatingAddressSketch = `apiVersion: v1
kind: FloatingAddress
metadata:
  name: web
spec:
  target:
    kind: Pod
    namespace: default
    name: web
`
