import { answer, api } from '@/api/client';
import { ApiError } from '@/api/error';
import { MIN_PASSWORD } from '@/auth/password';
import { Field } from '@/ui/Field';
import { CheckIcon } from '@/ui/icons';
import { Panel } from '@/ui/Panel';
import { Problem } from '@/ui/Problem';
import { useMutation } from '@tanstack/react-query';
import type { SubmitEvent } from 'react';

interface Passwords {
  current_password: string;
  new_password: string;
}

/** Another password for whoever is signed in; this page stays signed in, others do not. */
export function PasswordForm({ email }: { email: string }) {
  const change = useMutation({
    mutationFn: (body: Passwords) => answer(api.http.POST('/api/v1/auth/password', { body })),
  });
  const problems = problemsOf(change.error);

  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = Object.fromEntries(new FormData(form)) as unknown as Passwords;
    change.mutate(given, { onSuccess: () => form.reset() });
  };

  return (
    <Panel title="Password">
      <form className="panel-body grid gap-4" onSubmit={submit}>
        {/* For password managers: whose it is. */}
        <input type="hidden" autoComplete="username" value={email} readOnly />
        <Field label="Current password" problem={problems.current_password}>
          {(control) => (
            <input
              {...control}
              className="input max-w-md"
              name="current_password"
              type="password"
              autoComplete="current-password"
              required
            />
          )}
        </Field>
        <Field label="New password" hint={`At least ${MIN_PASSWORD} characters.`} problem={problems.new_password}>
          {(control) => (
            <input
              {...control}
              className="input max-w-md"
              name="new_password"
              type="password"
              autoComplete="new-password"
              minLength={MIN_PASSWORD}
              required
            />
          )}
        </Field>
        {!problems.current_password && !problems.new_password && <Problem error={change.error} />}
        {change.isSuccess && (
          <p role="status" className="notice tone-good">
            <CheckIcon className="mt-0.5 size-4" />
            Your password is changed, and all your other logins have ended.
          </p>
        )}
        <button type="submit" className="button justify-self-start" disabled={change.isPending}>
          Change the password
        </button>
      </form>
    </Panel>
  );
}

function problemsOf(error: unknown): Partial<Passwords> {
  if (!(error instanceof ApiError)) return {};
  if (error.code === 'WRONG_PASSWORD') return { current_password: error.message };
  const told = error.problemWith('new_password');
  return told ? { new_password: told } : {};
}
