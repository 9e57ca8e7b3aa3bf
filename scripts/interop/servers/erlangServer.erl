%% Erlang's ssh daemon with its SFTP server. It runs no commands: `exec` would evaluate Erlang.
-module(erlangServer).
-export([main/1]).

main([Port, Directory]) ->
    {ok, _} = application:ensure_all_started(ssh),
    Home = filename:join(Directory, "home"),
    {ok, _} = ssh:daemon({127, 0, 0, 1}, list_to_integer(Port), [
        {system_dir, Directory},
        {user_dir, Directory},
        {auth_methods, "publickey"},
        %% Without it, a connection that was closed before its login holds up the next one.
        {parallel_login, true},
        {exec, disabled},
        {shell, disabled},
        {subsystems, [ssh_sftpd:subsystem_spec([{cwd, Home}])]}
    ]),
    io:format(standard_error, "listening~n", []),
    receive stop -> ok end.
