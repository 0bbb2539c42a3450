from cutis.cli import main

main()
