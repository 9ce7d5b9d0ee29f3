import { useMutation, useQueryClient } from '@tanstack/react-query';

/** A request that changes something; lists under `key` are asked for anew once it is done. */
export function useChange<Given, Told>(key: readonly string[], change: (given: Given) => Promise<Told>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: key }) });
}
