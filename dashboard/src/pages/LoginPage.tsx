import { ApiError, messageOf } from '@/api/error';
import { session } from '@/auth/session';
import mark from '@/assets/mark.svg';
import { Field } from '@/ui/Field';
import { WarningIcon } from '@/ui/icons';
import { useRef, useState, type SubmitEvent } from 'react';

export function LoginPage({ notice }: { notice: string | null }) {
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      await session.signIn(entry(form, 'email').trim(), entry(form, 'password'));
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
      password.current?.select();
    }
  };

  const message = problem ?? notice;
  return (
    <main className="center-page">
      <form
        className="panel grid w-full max-w-sm gap-5 p-6 sm:p-8"
        data-testid="login-form"
        aria-labelledby="login-title"
        onSubmit={(event) => void submit(event)}
      >
        <img src={mark} alt="" className="size-10" />
        <div>
          <h1 id="login-title" className="text-2xl font-semibold tracking-tight">
            Sign in to OPBX
          </h1>
          <p className="mt-1 text-muted">See your organization’s calls as they happen.</p>
        </div>

        {message && (
          <p role="alert" className={`notice ${problem ? 'tone-bad' : 'tone-warm'}`}>
            <WarningIcon className="mt-0.5 size-4" />
            {message}
          </p>
        )}

        <Field label="Email">
          {(control) => (
            <input {...control} className="input" name="email" type="email" autoComplete="username" required autoFocus />
          )}
        </Field>
        <Field label="Password">
          {(control) => (
            <input
              {...control}
              ref={password}
              className="input"
              name="password"
              type="password"
              autoComplete="current-password"
              required
            />
          )}
        </Field>
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}

function entry(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

function explain(error: unknown): string {
  const wrong = error instanceof ApiError && error.status === 401;
  return wrong ? 'Email or password is wrong.' : messageOf(error);
}
